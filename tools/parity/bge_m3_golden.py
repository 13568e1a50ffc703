"""Goldens of BGE-M3: transformers in f64 on a random model, FlagEmbedding's formulas on top, f32 as second opinion.

    oko bench make-model bge-m3-small-f32 --seed 38 --out DIR
    python3 bge_m3_golden.py DIR --seed 38 --out ../../tests/models/data/bge_m3_small_f32.json
    python3 bge_m3_golden.py DIR --seed 4 --summary --out ../../tests/models/data/bge_m3_2layer.json    for real width

Needs torch, transformers 5, numpy (CPU is enough). DIR holds config.json (the keys of XLMRobertaConfig, "quantization"
where layers are packed) and model*.safetensors. Packed layers are dequantized as `scale * code + bias`.
Refuses to write where f32 (SDPA attention) differs from f64 (eager attention) by more than 1e-5 of the largest value
of an output, where a sparse weight is so close to zero that its sign is in doubt, or where the seed leaves the sparse
head untested: no id shared by the two scored sequences, or no id without a weight.

Sequence k (from 0) has LENGTHS[k] ids; `hash` is the `h` of README.md for element `i` of tensor NAME with seed S:

    id[0] = 0 (<s>), id[last] = 2 (</s>)
    draw  = hash(NAME "bge_m3.draw", S = k, i = p) mod 97                 p: position in the sequence, from 1
    id[p] = 4 + hash(NAME "bge_m3.pool", S = 0, i = draw) mod (vocab_size - 4)

So ids repeat within a sequence and between sequences.

The golden (JSON, values with 8 significant digits; H: hidden size):

    seed               of the model, as given by --seed
    sequences[k].ids
    sequences[k].dense     H values: hidden state of token 0, L2-normalised
    sequences[k].sparse    id -> weight: relu(sparse_linear) per token, ids 0..3 skipped, weights > 0, maximum per id
    sequences[k].colbert   rows: numbers of the stored vectors; vectors: H values each. Vector r is
                           colbert_linear of token r + 1, L2-normalised. All vectors of the first three sequences,
                           first and last of the others (of every sequence with --summary)
    sequences[k].hidden    [0]: after the embeddings, [i]: after layer i. The first 8 values of the first and of the
                           last row. Not with --summary
    scores             of the sequences numbered `query` and `passage`: dense (cosine), lexical (dot over shared ids),
                       colbert (mean over query vectors of the maximum over passage vectors) and their mean `weighted`
                       with `weights`, in this order
"""

import argparse
import json
import pathlib

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

import recipe

TOLERANCE = 1e-5
MINIMUM_SPARSE = 1e-5
LENGTHS = [3, 2, 17, 64, 65, 200]
POOL = 97
BEGIN, END, FIRST_ORDINARY = 0, 2, 4
QUERY, PASSAGE = 2, 3
WEIGHTS = [0.4, 0.2, 0.4]
WHOLE_COLBERT = 3  # sequences whose ColBERT vectors are all stored
SAMPLED = 8        # values of a row of hidden states
HEADS = ["sparse_linear", "colbert_linear"]


def make_sequence(number, vocab_size):
    ids = [BEGIN]
    for position in range(1, LENGTHS[number] - 1):
        draw = int(recipe.hashes("bge_m3.draw", number, position, position + 1)[0]) % POOL
        pooled = int(recipe.hashes("bge_m3.pool", 0, draw, draw + 1)[0])
        ids.append(FIRST_ORDINARY + pooled % (vocab_size - FIRST_ORDINARY))
    return ids + [END]


# --- the model --------------------------------------------------------------------------------


def widen(dtype, shape, data):
    """The bytes of a tensor as f64; packed words as they are."""
    if dtype == "BF16":
        return recipe.from_bf16(data.view(np.uint16)).astype(np.float64).reshape(shape)
    kind = {"F16": np.float16, "F32": np.float32, "F64": np.float64, "U32": np.uint32}[dtype]
    values = np.array(data).view(kind).reshape(shape)
    return values if dtype == "U32" else values.astype(np.float64)


def dense_weights(folder, quantization):
    """name -> f64 array of every weight; packed layers are dequantized."""
    stored = {name: widen(*tensor) for name, tensor in recipe.read_safetensors(folder).items()}
    weights = {}
    for name, values in stored.items():
        path, _, kind = name.rpartition(".")
        if kind in ("scales", "biases"):
            continue
        if path + ".scales" in stored and kind == "weight":
            how = quantization.get(path, quantization)
            scales = stored[path + ".scales"]
            values = recipe.dequantize(values, scales, stored[path + ".biases"], how["bits"])
            if values.shape[1] != scales.shape[1] * how["group_size"]:
                raise SystemExit(f"{name}: groups of {values.shape[1] / scales.shape[1]}, not {how['group_size']}")
        weights[name] = torch.from_numpy(np.ascontiguousarray(values))
    return weights


def make_model(folder):
    """transformers' model in f64, the heads' weights, and the configuration."""
    settings = json.loads((folder / "config.json").read_text())
    if settings["model_type"] != "xlm-roberta":
        raise SystemExit(f"{folder}: model_type {settings['model_type']}, not xlm-roberta")
    weights = dense_weights(folder, settings.pop("quantization", {}))
    settings.pop("quantization_config", None)
    config = XLMRobertaConfig.from_dict(settings)
    config._attn_implementation = "eager"
    heads = {f"{head}.{kind}": weights.pop(f"{head}.{kind}") for head in HEADS for kind in ("weight", "bias")}
    model = XLMRobertaModel(config, add_pooling_layer=False).double().eval()
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    if missing or unexpected:
        raise SystemExit(f"{folder}: missing {missing}, unexpected {unexpected}")
    return model, heads, config


# --- FlagEmbedding's outputs ------------------------------------------------------------------


@torch.no_grad()
def run(model, heads, ids):
    """hidden: [layers + 1, n, H]; dense: [H]; sparse: id -> weight; colbert: [n - 1, H]; token_weights: [n]."""
    output = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    last = output.last_hidden_state[0]
    linear = lambda head, rows: torch.nn.functional.linear(rows, heads[head + ".weight"], heads[head + ".bias"])
    normalized = lambda rows: torch.nn.functional.normalize(rows, dim=-1)
    token_weights = linear("sparse_linear", last)[:, 0].double().numpy()
    sparse = {}
    for token, weight in zip(ids, token_weights.tolist()):
        if token >= FIRST_ORDINARY and weight > 0:
            sparse[token] = max(weight, sparse.get(token, 0.0))
    return dict(
        hidden=torch.stack([state[0] for state in output.hidden_states]).double().numpy(),
        dense=normalized(last[0]).double().numpy(),
        sparse=sparse,
        colbert=normalized(linear("colbert_linear", last[1:])).double().numpy(),
        token_weights=token_weights)


def scores(query, passage):
    dense = float(query["dense"] @ passage["dense"])
    lexical = sum(weight * passage["sparse"].get(token, 0.0) for token, weight in query["sparse"].items())
    colbert = float((query["colbert"] @ passage["colbert"].T).max(axis=1).mean())
    weighted = float(np.dot(WEIGHTS, [dense, lexical, colbert]) / sum(WEIGHTS))
    return dict(dense=dense, lexical=lexical, colbert=colbert, weighted=weighted)


# --- comparison and golden --------------------------------------------------------------------


def relative_difference(expected, other):
    return float(np.abs(expected - other).max() / np.abs(expected).max())


def compare(number, sequence, expected, other):
    """Prints the differences of every output and returns the worst, relative to the largest value of its output."""
    differences = {f"hidden.{i}": relative_difference(a, b)
                   for i, (a, b) in enumerate(zip(expected["hidden"], other["hidden"], strict=True))}
    for name in ("dense", "token_weights", "colbert"):
        differences[name] = relative_difference(expected[name], other[name])
    ordinary = np.array(sequence) >= FIRST_ORDINARY
    closest = float(np.abs(expected["token_weights"][ordinary]).min(initial=np.inf))
    print(f"sequence {number}: {len(sequence)} tokens, {len(set(sequence))} different, {len(expected['sparse'])} sparse"
          f" weights, closest to zero {closest:.1e}; f32 differs by "
          + ", ".join(f"{name} {value:.1e}" for name, value in differences.items()))
    if closest < MINIMUM_SPARSE or expected["sparse"].keys() != other["sparse"].keys():
        raise SystemExit(f"sequence {number}: the sign of a sparse weight is in doubt: take another seed")
    return max(differences.values())


def rounded(values):
    """Nested lists of floats with 8 significant digits."""
    if np.ndim(values):
        return [rounded(value) for value in values]
    return float(f"{values:.8g}")


def golden_sequence(number, ids, output, summary):
    colbert = output["colbert"]
    rows = list(range(len(colbert)))
    if summary or number >= WHOLE_COLBERT:
        rows = sorted({0, len(colbert) - 1})
    golden = dict(
        ids=ids,
        dense=rounded(output["dense"]),
        sparse={str(token): rounded(weight) for token, weight in output["sparse"].items()},
        colbert=dict(rows=rows, vectors=rounded(colbert[rows])))
    if not summary:
        golden["hidden"] = [
            dict(first=rounded(state[0, :SAMPLED]), last=rounded(state[-1, :SAMPLED])) for state in output["hidden"]]
    return golden


def to_json(value, indent=0):
    """JSON with a line for every list of numbers and for every object of numbers."""
    children = list(value.values()) if isinstance(value, dict) else value
    if not any(isinstance(child, (dict, list)) for child in children):
        return json.dumps(value, separators=(",", ":"))
    parts = [to_json(child, indent + 1) if isinstance(child, (dict, list)) else json.dumps(child) for child in children]
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {part}" for key, part in zip(value, parts)]
    inner = ",\n".join(" " * (indent + 1) + part for part in parts)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}\n{' ' * indent}{closing}"


def make_golden(folder, seed, summary):
    model, heads, config = make_model(folder)
    sequences = [make_sequence(number, config.vocab_size) for number in range(len(LENGTHS))]
    exact = [run(model, heads, ids) for ids in sequences]
    model = model.float()
    model.set_attn_implementation("sdpa")
    heads = {name: values.float() for name, values in heads.items()}
    single = [run(model, heads, ids) for ids in sequences]
    worst = max(compare(number, ids, exact[number], single[number]) for number, ids in enumerate(sequences))
    expected, other = scores(exact[QUERY], exact[PASSAGE]), scores(single[QUERY], single[PASSAGE])
    for name, value in expected.items():
        print(f"score {name:9} {value:.8f}  f32 differs by {abs(value - other[name]):.1e}")
        worst = max(worst, abs(value - other[name]) / max(1.0, abs(value)))
    if worst > TOLERANCE:
        raise SystemExit(f"f32 and f64 differ by {worst:.1e}, more than {TOLERANCE}")
    if not expected["lexical"]:
        raise SystemExit(f"sequences {QUERY} and {PASSAGE} share no sparse id: take another seed")
    if all(set(ids) - {BEGIN, END} <= output["sparse"].keys() for ids, output in zip(sequences, exact)):
        raise SystemExit("no id is without a sparse weight, the relu goes untested: take another seed")
    return dict(
        seed=seed,
        sequences=[golden_sequence(number, ids, exact[number], summary) for number, ids in enumerate(sequences)],
        scores=dict(
            query=QUERY, passage=PASSAGE, weights=WEIGHTS,
            **{name: rounded(value) for name, value in expected.items()}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="DIR", help="folder of the model")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the golden")
    parser.add_argument("--seed", type=int, default=1, help="seed the model was made with, for the record")
    parser.add_argument("--summary", action="store_true", help="two ColBERT vectors a sequence, no hidden states")
    arguments = parser.parse_args()
    golden = make_golden(arguments.folder, arguments.seed, arguments.summary)
    arguments.out.write_text(to_json(golden) + "\n")
    print(f"{arguments.out.name}: {arguments.out.stat().st_size} bytes")
