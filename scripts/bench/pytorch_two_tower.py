#!/usr/bin/env python3
"""The two-tower model of scripts/bench/gpu.sh in PyTorch, for comparison. Needs torch and nothing else.

  pytorch_two_tower.py data DIR [--interactions N] [--queries N] [--items N]
      writes interactions to train on and to test, features of queries and items, and Tandem's specification
  pytorch_two_tower.py train DIR [--device cuda|cpu] [--compile] [--steps N] [--epochs N] [--json FILE]
      trains on that data; prints examples/s, the loss after N steps, recall@10 over all items
  pytorch_two_tower.py steps ROWS BATCH[,BATCH...] [--device cuda|cpu] [--compile] [--seconds S]
      steps on random batches over tables of ROWS rows together, as io.tandem.training.DeviceTrainingBenchmark does it

Both sides have 8 features, the id and 7 categories, each a row of a table of 64; a tower is 512-256-128-64 with ReLU,
its output scaled to length 1. In-batch softmax with temperature 0.1, correction by the items' frequencies (logQ), and
accidental hits masked; repeated items of a batch are one candidate. Tables move by row-wise Adagrad (rate 0.05), dense
layers by Adam (rate 0.001). All of it as in Tandem, whose specification `data` writes.
"""
import argparse, csv, json, os, random, statistics, sys, time

FEATURES = 7          # beside the id
CATEGORIES = (16, 32, 64, 128, 256, 512, 1024)
DIM = 64
HIDDEN = (256, 128)
TEMPERATURE = 0.1
DENSE_RATE, SPARSE_RATE = 0.001, 0.05

SPECIFICATION = """name: gpu-bench
data:
  interactions: {path: train.csv, query: query, item: item}
  queries: {path: queries.csv, key: query}
  items: {path: items.csv, key: item}
  split: {type: provided, test: test.csv, validation: 0}
features:
  query:
    - {name: query, type: id, dim: 64, oov_buckets: 1}
%s  item:
    - {name: item, type: id, dim: 64, oov_buckets: 1}
%smodel: {type: two_tower, dim: 64, query_hidden: [256, 128], item_hidden: [256, 128], activation: relu, normalize: true}
training: {loss: in_batch_softmax, temperature: 0.1, sampling_correction: true, accidental_hits: mask, batch: %d,
           epochs: %d, validate_every: 0, optimizer: {dense: adam, sparse: rowwise_adagrad, dense_rate: 0.001, sparse_rate: 0.05}}
index: {type: flat}
"""


def write_rows(path, header, rows):
    with open(path, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(header)
        writer.writerows(rows)


def make_data(args):
    """Queries and items of hidden tastes: what a query takes can be learned from both sides' features."""
    rng = random.Random(1)
    os.makedirs(args.folder, exist_ok=True)
    names = ["f%d" % i for i in range(FEATURES)]
    # The first category is an item's kind; its other features say a little of it too.
    def entity(key, kind):
        return [key, "k%d" % kind] + ["v%d" % ((kind * 7 + rng.randrange(4)) % n) for n in CATEGORIES[1:]]
    kinds = [rng.randrange(CATEGORIES[0]) for _ in range(args.items)]
    by_kind = [[] for _ in range(CATEGORIES[0])]
    for item, kind in enumerate(kinds):
        by_kind[kind].append(item)
    taste = [rng.randrange(CATEGORIES[0]) for _ in range(args.queries)]
    write_rows(args.folder + "/items.csv", ["item"] + names, (entity("i%d" % i, k) for i, k in enumerate(kinds)))
    write_rows(args.folder + "/queries.csv", ["query"] + names, (entity("q%d" % q, k) for q, k in enumerate(taste)))

    def draw(query):
        pool = by_kind[taste[query]] if rng.random() < 0.9 and by_kind[taste[query]] else range(args.items)
        # Zipf-like: the cube of a uniform number.
        return pool[int(len(pool) * rng.random() ** 3)]
    def pairs(n):
        for _ in range(n):
            query = rng.randrange(args.queries)
            yield "q%d" % query, "i%d" % draw(query)
    write_rows(args.folder + "/train.csv", ["query", "item"], pairs(args.interactions))
    write_rows(args.folder + "/test.csv", ["query", "item"], pairs(min(10_000, args.interactions // 10)))
    lines = {
        side: "".join("    - {name: f%d, type: id, dim: 64, oov_buckets: 1}\n" % i for i in range(FEATURES))
        for side in ("query", "item")
    }
    with open(args.folder + "/spec.yaml", "w") as f:
        f.write(SPECIFICATION % (lines["query"], lines["item"], args.batch, args.epochs))
    print("%d interactions of %d queries with %d items in %s" % (args.interactions, args.queries, args.items, args.folder))


def read_entities(path, vocabularies):
    """Keys, and of each its 8 ids."""
    keys, rows = {}, []
    with open(path, newline="") as f:
        reader = csv.reader(f)
        next(reader)
        for row in reader:
            keys[row[0]] = len(rows)
            rows.append([v.setdefault(value, len(v)) for v, value in zip(vocabularies, row)])
    return keys, rows


def read_pairs(path, queries, items):
    with open(path, newline="") as f:
        reader = csv.reader(f)
        next(reader)
        return [(queries[q], items[i]) for q, i in reader]


def build(args, query_features, query_sizes, item_features, item_sizes, log_q):
    """The step of a batch [n, 2] of queries and items, and what it trains."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    device = query_features.device

    class Tables:
        """One table a feature, outside of autograd's dense gradients: only rows of the batch move."""

        def __init__(self, sizes):
            self.offsets = torch.tensor([sum(sizes[:i]) for i in range(len(sizes))], device=device)
            self.weight = (torch.rand(sum(sizes), DIM, device=device) * 2 - 1) * 0.05
            self.squares = torch.zeros(sum(sizes), device=device)

        def rows(self, ids):
            return ids + self.offsets

        def gather(self, ids):
            return self.weight[self.rows(ids)].flatten(1)

        def update(self, ids, gradient):
            rows, place = torch.unique(self.rows(ids).flatten(), return_inverse=True)
            sums = torch.zeros(len(rows), DIM, device=device).index_add_(0, place, gradient.reshape(-1, DIM))
            squares = self.squares[rows] + sums.pow(2).mean(1)
            self.squares[rows] = squares
            self.weight.index_add_(0, rows, sums / (squares.sqrt() + 1e-8).unsqueeze(1), alpha=-SPARSE_RATE)

    def tower():
        layers, width = [], DIM * (FEATURES + 1)
        for out in HIDDEN:
            layers += [nn.Linear(width, out), nn.ReLU()]
            width = out
        return nn.Sequential(*layers, nn.Linear(width, DIM)).to(device)

    query_tables, item_tables = Tables(query_sizes), Tables(item_sizes)
    query_tower, item_tower = tower(), tower()
    dense = torch.optim.Adam(list(query_tower.parameters()) + list(item_tower.parameters()), lr=DENSE_RATE)

    def loss_of(query_input, item_input, column, items, log_q_of, count):
        u = F.normalize(query_tower(query_input), dim=1)
        v = F.normalize(item_tower(item_input), dim=1)
        raw = u @ v.t() / TEMPERATURE
        own = torch.zeros_like(raw, dtype=torch.bool).scatter_(1, column.unsqueeze(1), True)
        # A candidate stands for as many negatives as it was drawn; as the positive it stands for itself.
        logits = raw - log_q_of + torch.where(own, torch.zeros_like(raw), torch.log(count).expand_as(raw))
        return F.cross_entropy(logits, column)

    step_loss = torch.compile(loss_of, dynamic=True) if args.compile else loss_of

    def step(batch):
        items, column, count = torch.unique(batch[:, 1], return_inverse=True, return_counts=True)
        query_ids, item_ids = query_features[batch[:, 0]], item_features[items]
        query_input = query_tables.gather(query_ids).requires_grad_()
        item_input = item_tables.gather(item_ids).requires_grad_()
        loss = step_loss(query_input, item_input, column, items, log_q[items], count.float())
        dense.zero_grad(set_to_none=True)
        loss.backward()
        dense.step()
        with torch.no_grad():
            query_tables.update(query_ids, query_input.grad)
            item_tables.update(item_ids, item_input.grad)
        return loss.detach()

    return step, query_tables, query_tower, item_tables, item_tower


def prepare(args):
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit("pytorch_two_tower.py: this torch finds no CUDA device; --device cpu runs without")
    if args.compile and not hasattr(torch, "compile"):
        sys.exit("pytorch_two_tower.py: --compile needs torch 2.0 or newer, found %s" % torch.__version__)
    torch.manual_seed(42)
    if args.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
    return torch.device(args.device)


def train(args):
    import torch
    from torch.nn import functional as F

    device = prepare(args)
    sides = []
    for name in ("queries", "items"):
        vocabularies = [{} for _ in range(FEATURES + 1)]
        keys, rows = read_entities("%s/%s.csv" % (args.folder, name), vocabularies)
        sides.append((keys, torch.tensor(rows, device=device), [len(v) for v in vocabularies]))
    (query_keys, query_features, query_sizes), (item_keys, item_features, item_sizes) = sides
    pairs = torch.tensor(read_pairs(args.folder + "/train.csv", query_keys, item_keys), device=device)
    counts = torch.bincount(pairs[:, 1], minlength=len(item_keys)).float()
    log_q = torch.log((counts / counts.sum()).clamp_min(1e-12))
    step, query_tables, query_tower, item_tables, item_tower = build(
        args, query_features, query_sizes, item_features, item_sizes, log_q
    )

    def wait():
        if args.device == "cuda":
            torch.cuda.synchronize()

    steps_per_epoch = len(pairs) // args.batch
    if steps_per_epoch < 1:
        sys.exit("pytorch_two_tower.py: %d interactions are less than a batch of %d" % (len(pairs), args.batch))
    total = args.steps or steps_per_epoch * args.epochs
    done, rates, epoch_loss = 0, [], 0.0
    while done < total:
        order = torch.randperm(len(pairs), device=device)
        here = min(steps_per_epoch, total - done)
        wait()
        begin, losses = time.perf_counter(), []
        for i in range(here):
            losses.append(step(pairs[order[i * args.batch : (i + 1) * args.batch]]))
        wait()
        rates.append(here * args.batch / (time.perf_counter() - begin))
        epoch_loss = torch.stack(losses).mean().item()
        done += here
        print("step %d: loss %.4f, %.0f examples/s" % (done, epoch_loss, rates[-1]), flush=True)

    tests = {}
    for query, item in read_pairs(args.folder + "/test.csv", query_keys, item_keys):
        tests.setdefault(query, set()).add(item)
    seen = {}
    for query, item in pairs.tolist():
        if query in tests:
            seen.setdefault(query, set()).add(item)
    recalls = []
    with torch.no_grad():
        v = F.normalize(item_tower(item_tables.gather(item_features)), dim=1)
        for query, relevant in tests.items():
            relevant = relevant - seen.get(query, set())
            if not relevant:
                continue
            u = F.normalize(query_tower(query_tables.gather(query_features[query : query + 1])), dim=1)
            scores = (u @ v.t())[0]
            scores[torch.tensor(sorted(seen.get(query, ())), dtype=torch.long, device=device)] = -9
            top = scores.topk(10).indices.tolist()
            recalls.append(len(relevant.intersection(top)) / len(relevant))
    # The first epoch warms up: caches, autotuning, compilation.
    result = {
        "engine": "pytorch %s%s" % (torch.__version__, " compiled" if args.compile else ""),
        "device": args.device,
        "examples_per_second": statistics.median(rates[1:] or rates),
        "steps": done,
        "loss": epoch_loss,
        "recall_at_10": statistics.fmean(recalls) if recalls else 0.0,
    }
    print("%(engine)s on %(device)s: %(examples_per_second).0f examples/s, loss %(loss).4f after %(steps)d steps, recall@10 %(recall_at_10).4f" % result)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f)


def steps(args):
    import torch

    device = prepare(args)
    sides = []
    for _ in range(2):
        sizes = [args.rows // 2, *CATEGORIES]
        entities = min(sizes[0], 1_000_000)
        ids = torch.stack([torch.randint(n, (entities,), device=device) for n in sizes], 1)
        if entities == sizes[0]:
            ids[:, 0] = torch.arange(entities, device=device)
        sides.append((ids, sizes))
    (query_features, query_sizes), (item_features, item_sizes) = sides
    entities = len(item_features)
    # The density of the cube of a uniform number.
    share = (torch.arange(entities, device=device) + 0.5) / entities
    log_q = torch.log(share ** (-2 / 3) / 3 / entities)
    step = build(args, query_features, query_sizes, item_features, item_sizes, log_q)[0]

    for batch in (int(b) for b in args.batch.split(",")):
        pool = 32 * batch
        pairs = torch.stack(
            [
                torch.randint(len(query_features), (pool,), device=device),
                (entities * torch.rand(pool, device=device, dtype=torch.float64) ** 3).long(),
            ],
            1,
        )
        done = 0

        def run(count):
            nonlocal done
            begin = time.perf_counter()
            for _ in range(count):
                at = done % 32 * batch
                loss = step(pairs[at : at + batch])
                done += 1
            loss = loss.item()
            return (time.perf_counter() - begin) / count, loss

        name = "pytorch %s%s" % (torch.__version__, " compiled" if args.compile else " eager")
        try:
            begin = time.perf_counter()
            run(1)
            first = time.perf_counter() - begin
            guess = run(10)[0]
            count = max(3, min(2000, int(args.seconds / 9 / guess)))
            times, loss = zip(*(run(count) for _ in range(9)))
        except torch.OutOfMemoryError as e:
            print("%s, rows %d batch %d: out of memory: %s" % (name, args.rows, batch, str(e).split(". ")[0]), flush=True)
            return
        middle = statistics.median(times)
        print(
            "%s, rows %s batch %s: train %s examples/s (%.3f ms); first step %.1f s, loss %.4f after %d steps"
            % (name, f"{args.rows:,}", f"{batch:,}", f"{batch / middle:,.0f}", middle * 1e3, first, loss[-1], done),
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data")
    training = commands.add_parser("train")
    for command in (data, training):
        command.add_argument("folder")
        command.add_argument("--batch", type=int, default=8192)
        command.add_argument("--epochs", type=int, default=3)
    data.add_argument("--interactions", type=int, default=2_000_000)
    data.add_argument("--queries", type=int, default=200_000)
    data.add_argument("--items", type=int, default=50_000)
    training.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    training.add_argument("--compile", action="store_true", help="the loss through torch.compile")
    training.add_argument("--steps", type=int, default=0, help="instead of epochs")
    training.add_argument("--json")
    random_steps = commands.add_parser("steps")
    random_steps.add_argument("rows", type=int)
    random_steps.add_argument("batch")
    random_steps.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    random_steps.add_argument("--compile", action="store_true", help="the loss through torch.compile")
    random_steps.add_argument("--seconds", type=float, default=3)
    args = parser.parse_args()
    {"data": make_data, "train": train, "steps": steps}[args.command](args)


if __name__ == "__main__":
    main()
