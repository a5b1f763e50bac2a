"""A PyTorch loop, recorded: `pip install torch`, then `python examples/pytorch.py`."""

import torch
from sklearn.datasets import load_digits

import stepwell

images, labels = (torch.tensor(values) for values in load_digits(return_X_y=True))
images = images.float() / 16
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
config = {"lr": 3e-3, "batch": 64, "epochs": 5, "layers": [64, 64, 10]}

with stepwell.init(project="digits", name="pytorch", config=config) as run:
    optimizer = torch.optim.Adam(model.parameters(), lr=run.config.lr)
    for epoch in range(run.config.epochs):
        for batch in torch.randperm(len(images)).split(run.config.batch):
            loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log({"train/loss": loss.detach()})
        with torch.no_grad():
            accuracy = (model(images).argmax(dim=1) == labels).float().mean()
        grads = {f"grad/{name}": stepwell.Histogram(value.grad) for name, value in model.named_parameters()}
        run.log({"train/acc": accuracy, "epoch": epoch, **grads})
        torch.save(model.state_dict(), "digits.pt")
        run.log_checkpoint("digits.pt", metadata={"accuracy": float(accuracy)})
