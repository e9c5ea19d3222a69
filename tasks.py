"""Kennel's tasks by name. What they take and print is in ``src/kennel/commands``."""

from __future__ import annotations

from invoke import Collection, Task

from kennel.commands import audit, bench, cloud, data, hosts, model, notebook, stack, tuning, whole


def collection(name: str | None, **tasks: Task) -> Collection:
    """Return a collection of tasks, each under the name given here, which is its own."""
    made = Collection(name) if name else Collection()
    for task_name, task in tasks.items():
        assert task.name == task_name, f"{task.name} is called {task_name} here"
        made.add_task(task)
    return made


namespace = collection(
    None,
    rehearse=whole.rehearse,
    test=whole.run_checks,
    train=model.train,
    tune=tuning.tune,
    package=model.package,
    deploy=model.deploy,
    releases=model.list_releases,
    predict=model.predict,
)
for group in (
    collection("local", up=cloud.up, down=cloud.down, status=cloud.status, env=cloud.env),
    collection(
        "stack",
        build=stack.build,
        plan=stack.plan,
        apply=stack.apply,
        destroy=stack.destroy,
        drift=stack.drift,
        outputs=stack.outputs,
    ),
    collection("data", sample=data.sample, fetch=data.fetch, check=data.check, upload=data.upload),
    collection("ec2", train=hosts.train),
    collection("notebook", run=notebook.run, publish=notebook.publish),
    collection("bench", training=bench.training),
    collection("audit", code=audit.code),
):
    namespace.add_collection(group)
