"""A small LLaVA with random weights and a tokenizer of LLaMA's kind, and what transformers makes of a picture and a text."""

from __future__ import annotations

import io
import json
import pathlib

import numpy as np
import sentencepiece
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, trainers
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from .moma import STATE, cut_out, fit_square

TEXTS = ["USER: A photo of a dog. Describe a new image of the same dog in: a photo of a dog at the sea. ASSISTANT: *",
         "a red apple on a table, painted in oil  with   spaces", "A new image of a cat in a garden", "\u00e9t\u00e9 caf\u00e9"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
IMAGE = "<image>"


def write_tokenizer(path: pathlib.Path) -> int:
    """The number of tokens. A trained vocabulary, with bytes put behind it for what it does not know."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Replace("\u2581", " ")
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(
        vocab_size=160, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False))
    stored = json.loads(tokenizer.to_str())
    vocabulary = stored["model"]["vocab"]
    for token in BYTES:
        vocabulary[token] = len(vocabulary)
    path.write_text(json.dumps(stored))
    return len(vocabulary)


def use_sentencepiece(folder: pathlib.Path) -> None:
    """Puts a tokenizer.model in the place of tokenizer.json, trained as LLaMA's was, with no more tokens."""
    count = len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])
    (folder / "tokenizer.json").unlink()
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=made, model_type="bpe", vocab_size=count, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, hard_vocab_limit=False, minloglevel=2)
    (folder / "tokenizer.model").write_bytes(made.getvalue())


def make_llava(folder: pathlib.Path, key_heads: int = 2, dtype: torch.dtype = torch.float32) -> LlavaForConditionalGeneration:
    """config.json, tokenizer.json and two files of weights, in the names of transformers. The model has them in fp32."""
    folder.mkdir()
    count = write_tokenizer(folder / "tokenizer.json")
    torch.manual_seed(17)
    text = LlamaConfig(vocab_size=count + 8, hidden_size=STATE, intermediate_size=72, num_hidden_layers=2,
                       num_attention_heads=4, num_key_value_heads=key_heads, head_dim=14, max_position_embeddings=512,
                       rms_norm_eps=1e-5, bos_token_id=1)
    vision = CLIPVisionConfig(hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
                              image_size=32, patch_size=8, projection_dim=16)
    model = LlavaForConditionalGeneration(LlavaConfig(text_config=text, vision_config=vision, image_token_index=count + 1)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=1.5 / weight[0].numel() ** 0.5) if weight.ndim > 1 else weight.add_(0.1 * torch.randn_like(weight))
            weight.copy_(weight.to(dtype))
    model.save_pretrained(folder)
    tensors = {name: tensor.to(dtype) for name, tensor in load_file(folder / "model.safetensors").items()}
    names = sorted(tensors)
    for number, part in enumerate((names[::2], names[1::2])):
        save_file({name: tensors[name] for name in part}, folder / f"model-{number}.safetensors")
    (folder / "model.safetensors").unlink()
    return model


def as_integers(folder: pathlib.Path, model: LlavaForConditionalGeneration) -> None:
    """The language model's layers as int8 with a scale for each output, as compressed-tensors stores them; in the
    model, what these stand for."""
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        for name in [name for name in tensors if "language_model" in name and name.endswith("_proj.weight")]:
            scale = tensors[name].abs().amax(1, keepdim=True) / 127
            integers = (tensors[name] / scale).round().to(torch.int8)
            tensors |= {name: integers, f"{name}_scale": scale}
            inner = name.replace("language_model.model.", "model.language_model.")
            model.get_parameter(inner).data.copy_(integers * scale)
        save_file(tensors, path)


def in_original_names(folder: pathlib.Path, made: pathlib.Path) -> None:
    """The same as the LLaVA authors store it, without the tower's last layer norm."""
    made.mkdir()
    made.joinpath("tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (made / "config.json").write_text(json.dumps({
        **config["text_config"], "model_type": "llava_llama", "mm_projector_type": "mlp2x_gelu", "mm_vision_select_layer": -2}))
    tensors = {}
    for path in folder.glob("*.safetensors"):
        for name, tensor in load_file(path).items():
            for ours, theirs in (("language_model.model.", "model."), ("language_model.lm_head", "lm_head"),
                                 ("multi_modal_projector.linear_1", "model.mm_projector.0"),
                                 ("multi_modal_projector.linear_2", "model.mm_projector.2"),
                                 ("vision_tower.vision_model.", "model.vision_tower.vision_tower.vision_model."),
                                 ("vision_tower.", "model.vision_tower.vision_tower.vision_model.")):
                if name.startswith(ours):
                    tensors[theirs + name.removeprefix(ours)] = tensor
                    break
    save_file(tensors, made / "weights.safetensors")


def pixels(picture: Image.Image, mask: Image.Image, size: int) -> torch.Tensor:
    """The subject over white, as plugins/moma/README.md has it."""
    colours, chosen = cut_out(picture, mask)
    resized, corner = fit_square(Image.fromarray(np.where(chosen[..., None], colours, 255).astype(np.uint8)), size)
    square = Image.new("RGB", (size, size), "white")
    square.paste(resized, corner)
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in
                       ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]))
    return ((torch.from_numpy(np.array(square) / 255).permute(2, 0, 1).float() - mean) / deviation)[None]


def token_numbers(folder: pathlib.Path, subject: str, prompt: str, image: list[int]) -> list[int]:
    """Both sides of the picture are texts of their own, as in the LLaVA authors' tokenizer_image_token()."""
    after = f"\n A photo of a {subject}. Describe a new image of the same {subject} in: {prompt}. ASSISTANT: *"
    if (folder / "tokenizer.json").exists():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        before, behind = (tokenizer.encode(text, add_special_tokens=False).ids for text in ("USER: ", after))
    else:
        before, behind = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model")).encode(["USER: ", after])
    return [1, *before, *image, *behind]


def last_state(model: LlavaForConditionalGeneration, folder: pathlib.Path, picture, mask, subject: str, prompt: str) -> torch.Tensor:
    vision = model.config.vision_config
    image = [model.config.image_token_index] * (vision.image_size // vision.patch_size) ** 2
    numbers = torch.tensor([token_numbers(folder, subject, prompt, image)])
    with torch.no_grad():
        states = model.model(input_ids=numbers, attention_mask=torch.ones_like(numbers),
                             pixel_values=pixels(picture, mask, vision.image_size)).last_hidden_state
    return states[0, -1]
