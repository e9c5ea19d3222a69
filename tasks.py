"""Kennel's tasks by name. Their arguments and output are in ``src/kennel/commands``."""

from __future__ import annotations

from invoke import Collection, Task

from kennel.commands import (
    access,
    audit,
    bench,
    capacity,
    checks,
    clean,
    completion,
    cost,
    data,
    demo,
    deployments,
    docs,
    hosts,
    jobs,
    local,
    model,
    notebook,
    playground,
    predict,
    rehearsal,
    stack,
    top,
    tuning,
)


def collection(name: str | None, **tasks: Task) -> Collection:
    """Return a collection of tasks; each name given here must be the task's own."""
    tasks_of_group = Collection(name) if name else Collection()
    for task_name, task in tasks.items():
        assert task.name == task_name, f"task {task.name} has the name {task_name} here"
        tasks_of_group.add_task(task, default=task_name == name)  # `./kennel cost` beside `cost.refresh`
    return tasks_of_group


namespace = collection(
    None,
    rehearse=rehearsal.rehearse,
    test=checks.run_checks,
    clean=clean.clean,
    train=model.train,
    tune=tuning.tune,
    jobs=jobs.list_jobs,
    logs=jobs.logs,
    stop=jobs.stop,
    compare=jobs.compare,
    package=model.package,
    deploy=deployments.deploy,
    rollback=deployments.rollback,
    deployments=deployments.list_deployments,
    releases=model.list_releases,
    predict=predict.predict,
    playground=playground.playground,
    capacity=capacity.capacity,
    completion=completion.completion,
)
for group in (
    collection(
        "local",
        up=local.up,
        down=local.down,
        status=local.status,
        env=local.env,
        reset=local.reset,
        clock=local.clock,
        top=top.top,
    ),
    collection(
        "stack",
        build=stack.build,
        plan=stack.plan,
        apply=stack.apply,
        destroy=stack.destroy,
        drift=stack.drift,
        outputs=stack.outputs,
        sleep=stack.sleep,
        wake=stack.wake,
        unlock=stack.unlock,
    ),
    collection(
        "data",
        sample=data.sample,
        fetch=data.fetch,
        split=data.split,
        check=data.check,
        upload=data.upload,
    ),
    collection("cost", cost=cost.cost, refresh=cost.refresh),
    collection("docs", instances=docs.instances, pictures=docs.pictures, scaling=docs.scaling),
    collection("ec2", train=hosts.train),
    collection("notebook", run=notebook.run, publish=notebook.publish),
    collection("demo", scaling=demo.scaling),
    collection("bench", serving=bench.serving, training=bench.training, localcloud=bench.localcloud),
    collection("audit", access=access.access, account=audit.account, code=audit.code),
):
    namespace.add_collection(group)
