"""A tiny model in the files of BAAI/bge-m3: pytorch_model.bin, sparse_linear.pt and colbert_linear.pt, as torch writes them.

    python3 make_torch_bge.py ../../tests/hub/data/torch_bge

Names as transformers saves XLMRobertaModel inside of a task's model ("roberta.", a pooler, position_ids). Element i of
tensor number t (in the order of the names, heads behind the rest) is ((7919 i + 104729 t) mod 2001 - 1000) / 8192.
Needs torch.
"""

import collections
import json
import pathlib
import sys

import torch

HIDDEN, HEADS, FEED_FORWARD, VOCABULARY, POSITIONS = 64, 2, 128, 96, 40


def shapes():
    yield "roberta.embeddings.word_embeddings.weight", (VOCABULARY, HIDDEN)
    yield "roberta.embeddings.position_embeddings.weight", (POSITIONS, HIDDEN)
    yield "roberta.embeddings.token_type_embeddings.weight", (1, HIDDEN)
    layer = "roberta.encoder.layer.0."
    linears = {"attention.self.query": (HIDDEN, HIDDEN), "attention.self.key": (HIDDEN, HIDDEN),
               "attention.self.value": (HIDDEN, HIDDEN), "attention.output.dense": (HIDDEN, HIDDEN),
               "intermediate.dense": (FEED_FORWARD, HIDDEN), "output.dense": (HIDDEN, FEED_FORWARD)}
    for name, shape in linears.items():
        yield f"{layer}{name}.weight", shape
        yield f"{layer}{name}.bias", shape[:1]
    for name in ("roberta.embeddings.", layer + "attention.output.", layer + "output."):
        yield name + "LayerNorm.weight", (HIDDEN,)
        yield name + "LayerNorm.bias", (HIDDEN,)
    yield "roberta.pooler.dense.weight", (HIDDEN, HIDDEN)
    yield "roberta.pooler.dense.bias", (HIDDEN,)


def values(number, shape):
    index = torch.arange(torch.Size(shape).numel(), dtype=torch.int64)
    return (((7919 * index + 104729 * number) % 2001 - 1000).float() / 8192).reshape(shape)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    named = sorted(shapes())
    state = collections.OrderedDict((name, values(number, shape)) for number, (name, shape) in enumerate(named))
    state["roberta.embeddings.position_ids"] = torch.arange(POSITIONS).expand((1, -1)).contiguous()
    torch.save(state, folder / "pytorch_model.bin")
    heads = {"colbert_linear": [("weight", (HIDDEN, HIDDEN)), ("bias", (HIDDEN,))],
             "sparse_linear": [("weight", (1, HIDDEN)), ("bias", (1,))]}
    number = len(named)
    for head, parts in heads.items():
        tensors = collections.OrderedDict()
        for name, shape in parts:
            tensors[name] = values(number, shape)
            number += 1
        torch.save(tensors, folder / f"{head}.pt")
    config = dict(model_type="xlm-roberta", hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=HEADS,
                  intermediate_size=FEED_FORWARD, vocab_size=VOCABULARY, max_position_embeddings=POSITIONS,
                  type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5, hidden_act="gelu")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
