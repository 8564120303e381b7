#!/usr/bin/env bash
# The model page's shell flow, as the page has it (wire/page.md); only the host is another.
# Needs: YOUR_API_KEY, YOUR_API_SECRET, HOST (for the page's https://api.wiro.ai), PICTURE; prints one answer per line.
set -euo pipefail
shopt -s extglob

export YOUR_API_KEY YOUR_API_SECRET
export NONCE=$(date +%s)
export SIGNATURE="$(echo -n "${YOUR_API_SECRET}${NONCE}" | openssl dgst -sha256 -hmac "${YOUR_API_KEY}")"

run() {
  curl -sS -X POST "${HOST}/v1/Run/moondream3-preview/caption" \
    -H "x-api-key: ${YOUR_API_KEY}" \
    -H "x-nonce: ${NONCE}" \
    -H "x-signature: ${SIGNATURE}" \
    -F "inputImage=@${PICTURE}" \
    -F "length=normal" \
    -F "temperature=0.7" \
    -F "top_p=0.95" \
    -F "callbackUrl=Optional: webhook URL that is called with the result when the task is completed"
  echo
}

task() { # what, body
  curl -sS -X POST "${HOST}/v1/Task/$1" \
    -H "Content-Type: application/json" \
    -H "x-api-key: ${YOUR_API_KEY}" \
    -H "x-nonce: ${NONCE}" \
    -H "x-signature: ${SIGNATURE}" \
    -d "$2"
  echo
}

value() { # of a key of the last answer
  sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/" <<<"${ANSWER}"
}

# A task that is looked at and killed while it runs.
ANSWER=$(run)
echo "${ANSWER}"
TASKID=$(value taskid)
TOKEN=$(value socketaccesstoken)
until ANSWER=$(task Detail "{\"tasktoken\": \"${TOKEN}\"}") && [[ $(value status) == task_@(start|output) ]]; do sleep 0.05; done
echo "${ANSWER}"
task Kill "{\"taskid\": \"${TASKID}\"}"

# A task that is cancelled while it waits in the queue.
ANSWER=$(run)
echo "${ANSWER}"
task Cancel "{\"taskid\": \"$(value taskid)\"}"

# A task that goes its way, and its result.
ANSWER=$(run)
echo "${ANSWER}"
TOKEN=$(value socketaccesstoken)
until ANSWER=$(task Detail "{\"tasktoken\": \"${TOKEN}\"}") && [[ $(value status) == task_postprocess_end ]]; do sleep 0.2; done
echo "${ANSWER}"
curl -sS "$(sed -E 's/.*"url":"([^"]*)".*/\1/' <<<"${ANSWER}")"
