"""One tree of errors, each with a key, the values of its message and an English text.

A page looks the key up in its own catalogue (`error.<key>`) and fills in the same values; the command line
prints the English text. Every text says what was expected, what came, and what to do.
"""

from typing import Any

MESSAGES: dict[str, str] = {}


def _messages(**texts: str) -> None:
    MESSAGES.update(texts)


class HeadlightError(Exception):
    """An error that a user can act on. `key` names its text in `MESSAGES`, `values` fill the text in."""

    def __init__(self, key: str, **values: Any) -> None:
        self.key = key
        self.values = values
        super().__init__(MESSAGES[key].format(**values))


class ExamplesError(HeadlightError):
    """The examples cannot be analysed as they are."""


class ModelError(HeadlightError):
    """The model cannot be loaded or has no heads that we know how to read."""


class ConfigError(HeadlightError):
    """A setting is out of its bounds or contradicts another one."""


class StorageError(HeadlightError):
    """A file of a run or of the cache cannot be written or read."""


class RunCancelled(HeadlightError):
    """The user stopped the run."""

    def __init__(self) -> None:
        super().__init__("run_cancelled")


_messages(
    # examples
    no_examples_of_kind="Expected at least {minimum} {label} examples, found none. Add {label} texts.",
    too_few_examples="Expected at least {minimum} {label} examples, found {count}. Add {missing} more; 5 to 10 work best.",
    too_many_examples="Expected at most {maximum} {label} examples, found {count}. Keep a varied selection of them; 5 to 10 are enough.",
    same_text_on_both_sides="Line {line} ({label}): this text is both anomalous and normal, it stands in line {first} ({other}) too: “{text}”. Remove it from one of the two sides.",
    duplicate_text="Line {line} ({label}): this text stands there twice, in line {first} ({label}) too: “{text}”. Keep one of the two.",
    unknown_label="Line {line}: expected the label “anomalous” or “normal”, found “{label}”. Correct the label.",
    empty_text="Line {line}: the text is empty. Remove the line or fill it in.",
    missing_columns="Expected the columns label and text, found: {found}. Rename the columns; optional ones are pair, expected, actual.",
    unknown_columns="Unknown column(s): {found}. Known are label, text, pair, expected, actual. Rename or remove them.",
    not_utf8="The file is not UTF-8. It reads well as {guess}: save it as UTF-8, or read it again with that encoding (on the command line: --encoding cp932).",
    not_text="The file is neither UTF-8 nor Shift-JIS text. Save it as CSV in UTF-8.",
    bad_json_line="Line {line}: expected one JSON object with label and text, found: {text}",
    unknown_examples_format="Expected a file that ends in .csv or .jsonl, found “{name}”. Save the examples as CSV or JSON Lines.",
    examples_file_missing="There is no file “{name}”. Check the path.",
    bad_csv="The file cannot be read as CSV: {detail}. Save it again as CSV in UTF-8.",
    pair_not_one_to_one="Pair “{pair}” has {anomalous} anomalous and {normal} normal examples; a pair has one of each. Correct the column pair.",
    text_too_long="Line {line}: the text has {count} tokens, the model reads at most {maximum}. Shorten it: “{text}”.",
    text_not_readable="Line {line}: the model's tokenizer has no token for {characters}, so the model cannot read “{text}”. Replace these characters, or choose a model that knows them.",
    text_without_tokens="Line {line}: the model's tokenizer makes no token of “{text}”. Change the text.",
    not_alignable="Positions “aligned” need the same number of tokens in every text or within every pair; found {shortest} to {longest} tokens. Choose auto, last or mean, or write texts of one template.",
    pair_of_same_tokens="Pair “{pair}”: the model's tokenizer makes the same tokens of both texts, so there is nothing to compare: “{first}” and “{second}”. Change one of the two texts.",
    nothing_varies="The head outputs are the same for all anomalous and normal texts at the chosen positions, so there is nothing to compare. Use texts that differ before the last token.",
    # model
    model_not_found="No model “{name}”: it is no folder here, and it is neither in the local cache nor reachable on the hub ({detail}). Check the name, or give the path of a folder with config.json and model.safetensors.",
    no_folder="There is no folder {name}. Check the path.",
    no_weights="The folder “{name}” has no *.safetensors file. Expected config.json, tokenizer.json and model.safetensors; convert other weights with save_pretrained(safe_serialization=True).",
    no_config="The folder “{name}” has no config.json. Expected the folder that save_pretrained made.",
    no_tokenizer="The tokenizer of “{name}” cannot be loaded ({detail}). Expected tokenizer.json beside the weights.",
    tokenizer_failed="The tokenizer of “{name}” failed ({detail}). Copy the model's tokenizer files again, or choose another model.",
    bad_config="The file config.json of “{name}” cannot be read ({detail}). Copy the model again.",
    bad_weights="The weights of “{name}” cannot be read ({detail}). Copy the model again.",
    weights_missing="The weights of “{name}” lack {count} of the model's tensors, for example {example}. Copy the whole model.",
    not_decoder_only="“{name}” is of type {architecture}, which is no decoder-only language model. Choose one of: {supported}.",
    unknown_architecture="“{name}” is of type {architecture}, which Headlight cannot read yet. Choose one of: {supported}.",
    remote_code="“{name}” brings its own Python code, which Headlight never runs. Choose a model of a type that transformers knows.",
    bad_numbers="The model's weights contain NaN or infinite numbers, for example in {example}. Download or export the model again.",
    bad_activations="The model gave NaN or infinite numbers at layer {layer} on the text of line {line}. Try the model in float32, or other weights.",
    no_attention_weights="{architecture} models do not tell here how a head spreads its attention. Choose a model of another type to see it; scores and evidence are not affected.",
    no_path_patching="{architecture} models of this kind normalise what is handed on after every layer, so what one head reads of another cannot be changed alone. Run the analysis without evidence, or choose another model.",
    no_direct_effect="{architecture} models normalise what is handed on after every layer, so what a head writes cannot be told apart at the end. Its attention, score and evidence are not affected.",
    text_too_long_for_attention="The text has {count} tokens; the attention of a head can be shown for at most {maximum}. Choose a shorter example.",
    qkv_not_separable="Queries, keys and values of {architecture} models cannot be told apart here. Patch the whole input of the receiving head instead.",
    no_device="There is no {device} device here. Choose auto or cpu.",
    out_of_memory="The model or its activations do not fit into the memory of the device {device}. Choose fewer or shorter texts, a smaller model, or another device.",
    # settings
    bad_setting="Setting {name}: {detail}.",
    config_conflict="{first} and {second} exclude each other: {detail}.",
    unknown_scenario="There is no scenario “{name}”. Known: {known}.",
    # switching off
    no_heads_chosen="Expected at least one head to switch off, found none. Choose heads, or take the circuit.",
    no_such_head="There is no head {head}: the model has {layers} layers of {heads} heads, both counted from 0. Correct the name.",
    bad_ablation_file="The ablation file cannot be read: {detail}. Expected the JSON file that Headlight made; export it again.",
    ablation_file_of_other_model="The ablation file was made for other weights ({model}). Load that model, or make a new ablation file for this one.",
    bad_numbers_after_ablation="With these heads switched off the model gives NaN or infinite numbers. Choose fewer heads, or the mean instead of zero.",
    # storage
    disk_full="There is no room on the disk for {path}. Free some space and start the run again; what is cached stays.",
    folder_not_writable="The folder {path} cannot be written ({detail}). Choose another one.",
    locked="Another process has held {path} for a while. Wait a moment and try again.",
    out_folder_in_use="The folder {path} is not empty and holds no Headlight run. Choose an empty or new folder.",
    no_run="There is no run in {path}. It may have been deleted.",
    damaged_run="The run in {path} cannot be read: {detail}. Start it again.",
    newer_run="The run in {path} was made by a newer Headlight (format {found}, this one reads up to {known}). Update Headlight.",
    damaged_benchmark="The benchmark in {path} cannot be read: {file}: {detail}. Measure it again with make benchmark, or choose another result.",
    # what people add to a run
    empty_comment="Expected a comment, found an empty field. Write what you want to say, then add it.",
    sign_off_without_name="A sign-off needs the name of whoever decides. Fill in the name, then sign.",
    roi_out_of_bounds="{name}: expected a number from 0 to {highest}, found {found}. Correct the entry.",
    # pages
    page_failed="This page could not be drawn ({detail}). Reload it; if it comes again, open the analysis from the list of analyses, and report the line from the server's log.",
    # jobs
    run_cancelled="The run was cancelled. Start it again whenever you like; what was cached is used again.",
    worker_died="The worker process ended in the middle of the run (exit code {code}). The machine may have run out of memory. Start the run again; what was cached is used again.",
    internal="Something unexpected went wrong: {detail}. Please report it with the file log.txt of the run.",
)
