"""Our text tokens in a tokenizer that others have learned: LISTEN and END get ids that it does not use."""

from pathlib import Path

from wan_streamer.errors import InvalidInput
from wan_streamer.model.vocabulary import END_TOKEN, LISTEN_TOKEN, parse_vocabulary


def with_own_tokens(path: Path, rows: int) -> str:
    """A tokenizer.json with LISTEN and END after its last token, as the tokenizers library reads it.

    Args:
        rows: of the embedding matrix. Qwen3 has 151,936 and uses 151,669: the two take rows that are there.

    Raises:
        InvalidInput: MISSING_EXTRA, the library is missing; VOCABULARY, the file is missing, no byte-level BPE, or no
            rows are left.
    """
    try:
        from tokenizers import AddedToken, Tokenizer
    except ImportError as error:
        raise InvalidInput(
            "got no tokenizers, expected it to add our tokens to a vocabulary; python -m pip install "
            "'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise InvalidInput(
            f"got {path} ({error}), expected the checkpoint's tokenizer; copy it there, or write it with "
            "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) of transformers",
            reason="VOCABULARY",
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    own = [AddedToken(text, special=True, normalized=False) for text in (LISTEN_TOKEN, END_TOKEN)]
    tokenizer.add_special_tokens(own)
    content = str(tokenizer.to_str())
    vocabulary = parse_vocabulary(content, path)
    if max(vocabulary.listen, vocabulary.end) >= rows:
        raise InvalidInput(
            f"got {path} with {len(vocabulary) - len(own)} tokens for an embedding of {rows} rows, expected two rows "
            "that no token uses; enlarge it with resize_token_embeddings of transformers",
            reason="VOCABULARY",
        )
    return content
