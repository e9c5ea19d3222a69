"""Kennel's tasks by name. What they take and print is in ``src/kennel/commands``."""

from __future__ import annotations

from invoke import Collection, Task

from kennel.commands import audit, cloud, data, model, stack, whole


def group(name: str, **tasks: Task) -> Collection:
    """Return a collection of tasks under one name."""
    collection = Collection(name)
    for task_name, task in tasks.items():
        collection.add_task(task, name=task_name)
    return collection


namespace = Collection()
for name, task in {
    "rehearse": whole.rehearse,
    "test": whole.run_checks,
    "train": model.train,
    "package": model.package,
    "deploy": model.deploy,
    "releases": model.list_releases,
    "predict": model.predict,
}.items():
    namespace.add_task(task, name=name)

namespace.add_collection(group("local", up=cloud.up, down=cloud.down, status=cloud.status, env=cloud.env))
namespace.add_collection(
    group(
        "stack",
        build=stack.build,
        plan=stack.plan,
        apply=stack.apply,
        destroy=stack.destroy,
        drift=stack.drift,
        outputs=stack.outputs,
    )
)
namespace.add_collection(
    group("data", sample=data.sample, fetch=data.fetch, check=data.check, upload=data.upload)
)
namespace.add_collection(group("audit", code=audit.code))
