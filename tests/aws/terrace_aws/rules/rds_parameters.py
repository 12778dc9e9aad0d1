"""DB parameter groups: families, parameters that exist, static ones, and what an instance still has to apply.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.html (static parameters need a reboot)
"""

from typing import Any

from .. import rds
from ..call import Call, operation
from ..fault import Fault

#: Parameters by engine: those of the first list take effect at a reboot only, those of the second at once.
_CATALOGUE = {
    "postgres": (
        "shared_buffers max_connections shared_preload_libraries wal_buffers max_wal_senders max_replication_slots "
        "max_worker_processes max_prepared_transactions max_locks_per_transaction huge_pages rds.logical_replication "
        "track_activity_query_size autovacuum_max_workers wal_keep_segments max_logical_replication_workers pg_stat_statements.max "
        "rds.extensions superuser_reserved_connections",
        "work_mem maintenance_work_mem effective_cache_size log_min_duration_statement log_statement log_connections "
        "log_disconnections log_lock_waits log_temp_files random_page_cost seq_page_cost checkpoint_timeout max_wal_size min_wal_size "
        "checkpoint_completion_target autovacuum autovacuum_naptime autovacuum_vacuum_scale_factor autovacuum_analyze_scale_factor "
        "autovacuum_vacuum_cost_limit autovacuum_vacuum_cost_delay idle_in_transaction_session_timeout statement_timeout lock_timeout "
        "deadlock_timeout default_statistics_target effective_io_concurrency timezone client_encoding rds.force_ssl "
        "rds.log_retention_period rds.force_admin_logging_level pg_stat_statements.track track_io_timing tcp_keepalives_idle "
        "tcp_keepalives_interval tcp_keepalives_count password_encryption max_parallel_workers max_parallel_workers_per_gather "
        "auto_explain.log_min_duration log_autovacuum_min_duration default_transaction_isolation search_path synchronous_commit "
        "pgaudit.log rds.accepted_password_auth_method ssl_min_protocol_version log_error_verbosity log_rotation_age temp_buffers",
    ),
    "mysql": (
        "innodb_log_file_size innodb_buffer_pool_instances performance_schema lower_case_table_names max_digest_length innodb_read_io_threads "
        "innodb_write_io_threads gtid-mode enforce_gtid_consistency log_bin_use_v1_row_events skip_name_resolve innodb_ft_min_token_size",
        "max_connections innodb_buffer_pool_size character_set_server character_set_client character_set_connection character_set_database "
        "character_set_results character_set_filesystem collation_server collation_connection time_zone slow_query_log long_query_time "
        "general_log log_output max_allowed_packet wait_timeout interactive_timeout innodb_flush_log_at_trx_commit sync_binlog "
        "binlog_format binlog_row_image tx_isolation transaction_isolation sql_mode event_scheduler innodb_lock_wait_timeout "
        "lock_wait_timeout net_read_timeout net_write_timeout require_secure_transport tls_version table_open_cache thread_cache_size "
        "tmp_table_size max_heap_table_size sort_buffer_size join_buffer_size read_buffer_size read_rnd_buffer_size "
        "log_queries_not_using_indexes innodb_io_capacity innodb_io_capacity_max innodb_print_all_deadlocks max_user_connections "
        "connect_timeout log_bin_trust_function_creators group_concat_max_len local_infile",
    ),
}  # fmt: skip
_CATALOGUE["mariadb"] = _CATALOGUE["mysql"]


def parameters_of(family: str) -> dict[str, str]:
    """Each parameter of a family, with its apply type."""
    engine = next(engine for engine in rds.ENGINES if family.startswith(engine))
    static, dynamic = _CATALOGUE[engine]
    return dict.fromkeys(static.split(), "static") | dict.fromkeys(dynamic.split(), "dynamic")


def group(call: Call, name: str) -> dict[str, Any]:
    """A parameter group, a family's default one included, or the AWS error."""
    low = name.lower()
    found = rds.parameter_groups(call).get(low)
    if found is None and low.removeprefix("default.") in rds.families() and low.startswith("default."):
        family = low.removeprefix("default.")
        found = rds.parameter_groups(call)[low] = _new(call, low, family, f"Default parameter group for {family}", {})
    if found is None:
        raise Fault("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    return found


def _new(call: Call, name: str, family: str, text: str, tags: dict[str, str]) -> dict[str, Any]:
    row = {
        "DBParameterGroupName": name, "DBParameterGroupFamily": family, "Description": text,
        "DBParameterGroupArn": rds.arn(call, "pg", name),
    }  # fmt: skip
    return {"row": row, "tags": tags, "values": {}}


@operation("rds", "CreateDBParameterGroup")
def create_group(call: Call) -> dict:
    name = call.params["DBParameterGroupName"].lower()
    family = call.params["DBParameterGroupFamily"]
    if family not in rds.families():
        raise rds.bad(f"ParameterGroupFamily {family} is not a valid parameter group family")
    if name in rds.parameter_groups(call):
        raise Fault("DBParameterGroupAlreadyExists", f"Parameter group {name} already exists")
    rds.check_name("DBParameterGroupName", name.replace(".", "-"))
    held = _new(call, name, family, call.params["Description"], rds.tags_of(call))
    rds.parameter_groups(call)[name] = held
    return {"DBParameterGroup": held["row"]}


@operation("rds", "DescribeDBParameterGroups")
def describe_groups(call: Call) -> dict:
    name = call.get("DBParameterGroupName")
    chosen = [group(call, name)] if name else list(rds.parameter_groups(call).values())
    return {"DBParameterGroups": [held["row"] for held in chosen]}


@operation("rds", "DeleteDBParameterGroup")
def delete_group(call: Call) -> None:
    from .rds_instance import settle

    settle(call)
    name = group(call, call.params["DBParameterGroupName"])["row"]["DBParameterGroupName"]
    if name.startswith("default."):
        raise Fault("InvalidDBParameterGroupState", f"The default parameter group {name} cannot be deleted")
    if any(held["parameter_group"] == name for held in rds.instances(call).values()):
        raise Fault("InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group "
                                                    f"{name}, so the group cannot be deleted")  # fmt: skip
    del rds.parameter_groups(call)[name]


def _check(held: dict[str, Any], asked: list[dict[str, Any]], with_value: bool) -> None:
    if held["row"]["DBParameterGroupName"].startswith("default."):
        raise Fault("InvalidDBParameterGroupState", "A default parameter group cannot be modified")
    if len(asked) > 20:
        raise rds.bad("A maximum of 20 parameters can be modified in a single request")
    known = parameters_of(held["row"]["DBParameterGroupFamily"])
    for one in asked:
        name = one.get("ParameterName", "")
        if name not in known:
            raise rds.bad(f"Could not find parameter with name: {name}")
        if with_value and "ParameterValue" not in one:
            raise rds.bad(f"The parameter value for {name} is missing")
        if one.get("ApplyMethod") not in ("immediate", "pending-reboot"):
            raise rds.bad("The apply method must be immediate or pending-reboot")
        if known[name] == "static" and one["ApplyMethod"] == "immediate":
            raise rds.clash("cannot use immediate apply method for static parameter")


def _touch(call: Call, held: dict[str, Any], asked: list[dict[str, Any]]) -> None:
    """Instances of the group wait for a reboot if one of the changes does."""
    if any(one["ApplyMethod"] == "pending-reboot" for one in asked):
        for user in rds.instances(call).values():
            if user["parameter_group"] == held["row"]["DBParameterGroupName"]:
                user["apply"] = "pending-reboot"


@operation("rds", "ModifyDBParameterGroup")
def modify_group(call: Call) -> dict:
    held = group(call, call.params["DBParameterGroupName"])
    asked = call.params["Parameters"]
    _check(held, asked, True)
    for one in asked:
        held["values"][one["ParameterName"]] = (one["ParameterValue"], one["ApplyMethod"])
    _touch(call, held, asked)
    return {"DBParameterGroupName": held["row"]["DBParameterGroupName"]}


@operation("rds", "ResetDBParameterGroup")
def reset_group(call: Call) -> dict:
    held = group(call, call.params["DBParameterGroupName"])
    if call.get("ResetAllParameters"):
        if call.get("Parameters"):
            raise rds.clash("Parameters cannot be given when all parameters are reset")
        asked = [{"ParameterName": name, "ApplyMethod": "pending-reboot"} for name in held["values"]]
    else:
        asked = call.get("Parameters") or []
        if not asked:
            raise rds.clash("Either ResetAllParameters or Parameters must be given")
        _check(held, asked, False)
    for one in asked:
        held["values"].pop(one["ParameterName"], None)
    _touch(call, held, asked)
    return {"DBParameterGroupName": held["row"]["DBParameterGroupName"]}


@operation("rds", "DescribeDBParameters")
def describe_parameters(call: Call) -> dict:
    held = group(call, call.params["DBParameterGroupName"])
    source = call.get("Source")
    rows = []
    for name, kind in sorted(parameters_of(held["row"]["DBParameterGroupFamily"]).items()):
        row = {"ParameterName": name, "Source": "engine-default", "ApplyType": kind, "DataType": "string", "IsModifiable": True,
               "ApplyMethod": "pending-reboot"}  # fmt: skip
        if name in held["values"]:
            value, method = held["values"][name]
            row |= {"Source": "user", "ParameterValue": value, "ApplyMethod": method}
        if source in (None, row["Source"]):
            rows.append(row)
    return {"Parameters": rows}
