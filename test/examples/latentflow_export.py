"""In place of python/latentflow_export.py, which wants PyTorch: the test puts decoder.onnx there."""


def export(module, path, latent):
    assert callable(module) and path == "decoder.onnx" and latent > 0
