"""In place of python/latentflow_export.py, which wants PyTorch: the test puts decoder.onnx there."""


def export(module, path, latent, loss=None, prior=None):
    assert callable(module) and path == "decoder.onnx" and latent > 0 and loss in (None, "bce", "mse")
    assert prior is None or prior["name"] in ("gaussian", "gaussianMixture")
