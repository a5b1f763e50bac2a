"""What counts as a secret, and what does not: tables."""

from __future__ import annotations

import pytest

from stepwell.run.redaction import is_secret_name, redact_arguments, redact_text, redact_value, without_credentials

TOKEN = "ghp_" + "a1B2" * 9
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.abcDEF123"


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "dbPassword", "passwd", "secret", "client_secret", "api_key", "apikey",
        "API-KEY", "wandb_api_key", "OPENAI_API_KEY", "aws_secret_access_key", "access_token", "hf_token", "HF_TOKEN",
        "token", "--token", "auth", "authorization", "private_key", "credentials", "connection_string", "github_token",
    ],
)  # fmt: skip
def test_a_secret_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "lr", "max_tokens", "num_tokens", "tokenizer", "eos_token", "pad_token", "bos_token_id", "token_type_ids",
        "tokens",
        "key", "keys", "sort_key", "primary_key", "forward_pass", "passes", "author", "authors", "secretary", "bypass",
        "max_new_tokens", "tokens_per_step", "keyframe", "compass",
    ],
)  # fmt: skip
def test_a_name_that_is_no_secret(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@host/repo.git", "https://host/repo.git"),
        ("https://x-token@host/repo.git", "https://host/repo.git"),
        ("ssh://git@host/repo", "ssh://host/repo"),
        ("git@host:org/repo.git", "git@host:org/repo.git"),
        ("https://host/a@b", "https://host/a@b"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("https://h/?a=1&token=abc&b=2", "https://h/?a=1&token=[redacted]&b=2"),
        ("https://h/?X-Amz-Signature=abc", "https://h/?X-Amz-Signature=[redacted]"),
    ],
)
def test_urls_lose_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["train.py", "--lr", "0.1"], ["train.py", "--lr", "0.1"]),
        (["--token", "abc", "x"], ["--token", "[redacted]", "x"]),
        (["--token=abc"], ["--token=[redacted]"]),
        (["--api-key", "--lr", "1"], ["--api-key", "--lr", "1"]),
        (["WANDB_API_KEY=abc"], ["WANDB_API_KEY=[redacted]"]),
        (["trainer.hub_token=abc"], ["trainer.hub_token=[redacted]"]),
        (["--data", "https://u:p@h/x"], ["--data", "https://h/x"]),
        ([TOKEN], ["[redacted]"]),
        (["--max-tokens", "100"], ["--max-tokens", "100"]),
        (["--password", "-secret-"], ["--password", "[redacted]"]),
        ([], []),
    ],
)
def test_command_lines(arguments: list[str], shown: list[str]) -> None:
    assert redact_arguments(arguments) == shown


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (f"+    x = f({TOKEN})", TOKEN),
        ('+password = "hunter2"', "hunter2"),
        ("+  'api_key': 'abcdef',", "abcdef"),
        (f"-Authorization: Bearer {JWT}", JWT),
        ('+headers = {"Authorization": "Basic dXNlcjpwYXNz"}', "dXNlcjpwYXNz"),
        ("+AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("+-----BEGIN RSA PRIVATE KEY-----\n+abc\n+-----END RSA PRIVATE KEY-----", "+abc"),
        ("+-----BEGIN PRIVATE KEY-----\n+abc", "+abc"),
    ],
)
def test_a_diff_loses_secrets(text: str, gone: str) -> None:
    assert gone not in redact_text(text)
    assert "[redacted]" in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Basic understanding of things",
        "Bearer of news",
        "token = tokens[i]",
        "max_tokens = '5'",
        "lr=0.1",
        "ski-jump-competition-2026",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == redact_value(text) == text
