#!/usr/bin/env bash
# What each setting of the two towers buys: the quickstart's model with one setting changed at a time, three seeds of
# each, measured on the quickstart's test set. Further arguments go to `tandem compare`, such as --json FILE.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
exec "$root/scripts/tandem" compare "$root/models/quickstart.yaml" --seeds 3 --k 10,50 \
  --variant temperature-0.05:training.temperature=0.05 \
  --variant temperature-0.2:training.temperature=0.2 \
  --variant temperature-learned:training.learn_temperature=true \
  --variant no-logQ:training.sampling_correction=none \
  --variant streaming-logQ:training.sampling_correction=streaming \
  --variant hits-kept:training.accidental_hits=keep \
  --variant mixed:training.negatives.uniform=512 \
  --variant queue:training.negatives.queue=2048 \
  --variant hard:training.negatives.hard=256 \
  --variant smoothing:training.label_smoothing=0.1 \
  --variant multi-hot:training.examples=queries,training.batch=64 \
  --variant sampled-softmax:training.loss=sampled_softmax \
  --variant full-softmax:training.loss=full_softmax \
  --variant contrastive:training.loss=cosine_contrastive,training.negatives.uniform=512 \
  --variant history-dropout:training.history_dropout=0.3 \
  --variant recency:features.query.history.pooling=recency \
  --variant attention:features.query.history.pooling=attention \
  --variant gru:features.query.history.pooling=gru \
  --variant linear:model.query_hidden=[],model.item_hidden=[] \
  "$@"
