#!/bin/sh
# Brings a cluster to a version: migrations first, then every service; waits until all of them serve.
#
#   sh deploy/apply.sh [FOLDER]
#
# FOLDER   has the kustomization to apply; deploy/kubernetes without it
#
# The secret `holdfast` must be there. Exits with 1 where the migrations failed, and has changed no
# service then, and where the new processes do not become ready in time: the old ones still serve.
set -eu
folder=${1:-$(dirname "$0")/kubernetes}
name=app.kubernetes.io/name

# A job cannot be changed, only made anew.
kubectl delete job migrate --namespace holdfast --ignore-not-found
kubectl apply --kustomize "$folder" --selector "$name in (holdfast, migrate)"
# It ends by itself: its deadline and the number of its tries stand in its manifest.
until kubectl wait job/migrate --namespace holdfast --for condition=complete --timeout 10s; do
  failed='{.status.conditions[?(@.type=="Failed")].status}'
  if [ "$(kubectl get job migrate --namespace holdfast --output "jsonpath=$failed")" = True ]; then
    kubectl logs job/migrate --namespace holdfast --tail 50 >&2
    exit 1
  fi
done

kubectl apply --kustomize "$folder"
kubectl rollout status deployment --namespace holdfast --timeout 15m \
  --selector app.kubernetes.io/part-of=holdfast
