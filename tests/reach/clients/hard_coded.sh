#!/bin/sh
# Wiro's own shell flow, with Wiro's own addresses: sign, upload and run, poll to the end, download. Needs curl and openssl.
set -eu
API=${OWN_API:-https://api.wiro.ai/v1}  # a setting of its own, which exec does not know
NONCE=$(date +%s)
SIGNATURE=$(printf %s "$WIRO_API_SECRET$NONCE" | openssl dgst -sha256 -hmac "$WIRO_API_KEY" | sed 's/.*= *//')
signed() { curl -sS -f -H "x-api-key: $WIRO_API_KEY" -H "x-nonce: $NONCE" -H "x-signature: $SIGNATURE" "$@"; }

printf 'a picture' > "${TMPDIR:-/tmp}/wiro-$$.png"
run=$(signed "$API"/Run/moondream3-preview/caption -F "inputImage=@${TMPDIR:-/tmp}/wiro-$$.png")
rm "${TMPDIR:-/tmp}/wiro-$$.png"
token=$(printf %s "$run" | sed 's/.*"socketaccesstoken":"\([^"]*\)".*/\1/')
for _ in 1 2 3 4 5 6 7 8 9 10; do
  detail=$(signed "$API"/Task/Detail -H "Content-Type: application/json" -d "{\"tasktoken\": \"$token\"}")
  case $detail in *'"status":"task_postprocess_end"'*) break ;; esac
  sleep 1
done
curl -sS -f "$(printf %s "$detail" | sed 's/.*"url":"\(https*:[^"]*\)".*/\1/')"
