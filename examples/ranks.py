"""Many processes in one run, without a launcher: `python examples/ranks.py`.

Under torchrun, MPI or SLURM nothing of this is needed: `stepwell.init()` finds rank and run by itself.
"""

import multiprocessing
import os

import stepwell

RANKS = 4


def work(rank: int) -> None:
    # What a launcher would have put there.
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(RANKS), MASTER_ADDR="127.0.0.1")
    with stepwell.init(project="ranks", id="four", config={"lr": 0.1}) as run:
        for step in range(200):
            run.log({"train/loss": 1 / (1 + step * run.config.lr) + rank * 0.01}, step=step)


if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=work, args=(rank,)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    with stepwell.Api() as api:
        run = api.run("ranks/four")
        table = run.history("train/loss").to_pandas()
        print(f"{run.ranks} ranks; at step 199: {table[table.step == 199]['train/loss'].tolist()}")
