#!/bin/sh
# Makes the namespace and registers the search attributes of gnosari_temporal in it; harmless to repeat.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE (and TEMPORAL_API_KEY, TEMPORAL_TLS_*) say where; NAMESPACE_RETENTION
# is how long finished jobs and their results are kept.
set -eu

namespace=${TEMPORAL_NAMESPACE:-default}
retention=${NAMESPACE_RETENTION:-7d}
attributes="GnosariState GnosariQueue GnosariBatch GnosariTeam GnosariAgent GnosariSession GnosariTool GnosariSummary"

# A server that has just started, or a namespace that has just been made, is not known everywhere at once.
eventually() {
    left=30
    until answer=$("$@" 2>&1); do
        left=$((left - 1))
        if [ "$left" -eq 0 ]; then
            echo "$answer" >&2
            exit 1
        fi
        sleep 1
    done
}

eventually temporal operator cluster health
if temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
    echo "The namespace $namespace is there."
else
    temporal operator namespace create --namespace "$namespace" --retention "$retention"
fi

set --
for name in $attributes; do
    set -- "$@" --name "$name" --type Keyword
done
eventually temporal operator search-attribute create --namespace "$namespace" "$@"
echo "The search attributes are registered: $attributes"
