"""An Airflow DAG that runs habitue every night; compiled and linted with the project, not tried in an Airflow.

Adapt the constants and the schedule. The worker needs what standalone.md lays out under ROOT, and Spark in SPARK_HOME.
One task is enough, as `run` skips what is done already: a retry finishes a run that died. Exit code 11 (published, with
exports withheld) becomes "skipped", so that somebody looks and nothing is run again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator

ROOT = "/srv/habitue"
SPARK_HOME = "/opt/spark"
MASTER = "spark://master.internal:7077"
WITHHELD = 11

SUBMIT = f"""
cd {ROOT} && {SPARK_HOME}/bin/spark-submit --master {MASTER} \
  --driver-memory 3g --executor-memory 4g --executor-cores 2 \
  --jars "$(echo jars/*.jar | tr ' ' ',')" --archives habitue-env.tar.gz#env \
  jobs/run.py --project {ROOT}/project --env cluster --lake file://{ROOT}/lake --json
"""

with DAG(
    dag_id="habitue",
    description="From raw customer data to published audiences",
    schedule="30 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # one writer per lake; a second run would exit 40
    default_args={"retries": 1, "retry_delay": timedelta(minutes=3)},
):
    BashOperator(
        task_id="run",
        bash_command=SUBMIT,
        env={"PYSPARK_PYTHON": "./env/bin/python", "PYSPARK_DRIVER_PYTHON": f"{ROOT}/env/bin/python"},
        append_env=True,
        skip_on_exit_code=WITHHELD,
        execution_timeout=timedelta(hours=3),
    )
