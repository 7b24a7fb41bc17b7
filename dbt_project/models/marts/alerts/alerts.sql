with health as (

    select * from {{ ref('pipeline_health') }}

),

pipeline_runs as (

    select * from {{ ref('int_pipeline_runs') }}

),

runs as (

    select * from {{ ref('runs') }}

),

run_calls as (

    select * from {{ ref('int_run_calls') }}

),

loads as (

    select * from {{ ref('loads') }}

),

packages as (

    select * from {{ ref('int_call_packages') }}

),

coverage as (

    select * from {{ ref('destination_coverage') }}

),

schema_changes as (

    select * from {{ ref('schema_changes') }}
    where {{ is_recent('changed_at') }}

),

orphaned_loads as (

    select * from {{ ref('orphaned_loads') }}
    where {{ is_recent('started_at') }}

),

cursors as (

    select * from {{ ref('incremental_cursors') }}

),

volume_anomalies as (

    select
        *,
        -- a day is over when the next one begins
        case when grain = 'day' then {{ from_epoch(to_epoch('observed_at') ~ ' + 86400') }} else observed_at end
            as known_at
    from {{ ref('volume_anomalies') }}

),

last_runs as (

    select
        pipeline_id,
        run_url
    from (
        select
            pipeline_id,
            run_url,
            row_number() over (partition by pipeline_id order by started_at desc, run_id desc) as recency
        from runs
        where pipeline_id is not null
    ) as ranked
    where recency = 1

),

-- a load that was never committed is known by the run that began it
orphan_runs as (

    select
        orphaned_loads.destination_name,
        orphaned_loads.dataset_name,
        orphaned_loads.load_id,
        max(runs.run_url) as run_url
    from orphaned_loads
    inner join packages
        on packages.pipeline_name = orphaned_loads.pipeline_names
        and packages.load_id = orphaned_loads.load_id
    inner join run_calls on run_calls.transaction_id = packages.transaction_id
    inner join runs on runs.run_id = run_calls.run_id
    group by orphaned_loads.destination_name, orphaned_loads.dataset_name, orphaned_loads.load_id

),

unread_datasets as (

    select * from coverage
    where outcome not in ('complete', 'dev_mode', 'excluded')

),

pipeline_findings as (

    select
        health.status as alert_type,
        health.pipeline_id as finding_id,
        {{ severity_of_status('health.status') }} as severity,
        false as is_event,
        health.destination_name,
        health.dataset_name,
        health.pipeline_id,
        health.pipeline_name,
        cast(null as {{ dbt.type_string() }}) as table_name,
        coalesce(health.pipeline_name, 'unknown pipeline of schema ' || health.schema_names) as subject,
        health.reason as summary,
        health.status_since as opened_at,
        'pipeline' as cause_type,
        health.pipeline_id as cause,
        case when health.status <> 'late' then last_runs.run_url end as run_url
    from health
    left join last_runs on last_runs.pipeline_id = health.pipeline_id
    where health.status in ('failing', 'stalled', 'late', 'partial')

),

-- one outcome of a destination is one cause, however many datasets it keeps from being read
unread_findings as (

    select
        'unreachable' as alert_type,
        {{ key(['destination_name', 'dataset_name']) }} as finding_id,
        case when outcome in ('partial', 'missing') then 'warning' else 'critical' end as severity,
        false as is_event,
        destination_name,
        dataset_name,
        cast(null as {{ dbt.type_string() }}) as pipeline_id,
        cast(null as {{ dbt.type_string() }}) as pipeline_name,
        cast(null as {{ dbt.type_string() }}) as table_name,
        destination_name || coalesce('.' || dataset_name, '') as subject,
        case outcome
            when 'partial' then 'could be read in part only'
            when 'missing' then 'is not there any more'
            else 'could not be read (' || outcome || ')'
        end || ' since ' || {{ utc_minute('first_collected_at') }} || ' UTC' || coalesce(': ' || error, '') as summary,
        first_collected_at as opened_at,
        'destination' as cause_type,
        destination_name || ' ' || outcome as cause,
        cast(null as {{ dbt.type_string() }}) as run_url
    from unread_datasets

),

-- what its dataset's finding does not say already
unread_pipeline_findings as (

    select
        'unreachable' as alert_type,
        health.pipeline_id as finding_id,
        {{ severity_of_status('health.status') }} as severity,
        false as is_event,
        health.destination_name,
        health.dataset_name,
        health.pipeline_id,
        health.pipeline_name,
        cast(null as {{ dbt.type_string() }}) as table_name,
        coalesce(health.pipeline_name, 'unknown pipeline of schema ' || health.schema_names) as subject,
        health.reason as summary,
        coalesce(
            case when health.expected_by < {{ as_of() }} then health.expected_by end,
            pipeline_runs.last_run_at,
            health.last_load_at,
            health.status_since
        ) as opened_at,
        'destination' as cause_type,
        health.destination_name || ' not collected' as cause,
        cast(null as {{ dbt.type_string() }}) as run_url
    from health
    left join pipeline_runs on pipeline_runs.pipeline_id = health.pipeline_id
    left join unread_datasets
        on unread_datasets.destination_name = health.destination_name
        and (unread_datasets.dataset_name = health.dataset_name or unread_datasets.dataset_name is null)
        and unread_datasets.outcome <> 'partial'
    where health.status = 'unreachable'
        and unread_datasets.destination_name is null

),

-- the day of a load that is told says the same
told_days as (

    select distinct
        relation_id,
        {{ utc_date('observed_at') }} as told_date
    from volume_anomalies
    where grain = 'load'

),

-- open until an observation is as expected, but for a day at least: an hourly pipeline may be looked at once a day
open_anomalies as (

    select
        volume_anomalies.*,
        row_number() over (
            partition by volume_anomalies.relation_id
            order by
                case when volume_anomalies.is_latest then 0 else 1 end,
                volume_anomalies.known_at desc,
                volume_anomalies.grain desc,
                volume_anomalies.load_id
        ) as place
    from volume_anomalies
    left join health on health.pipeline_id = volume_anomalies.pipeline_id
    left join told_days
        on told_days.relation_id = volume_anomalies.relation_id
        and told_days.told_date = {{ utc_date('volume_anomalies.observed_at') }}
        and volume_anomalies.grain = 'day'
    where told_days.relation_id is null
        and {{ is_recent('volume_anomalies.known_at') }}
        and (
            volume_anomalies.is_latest
            or {{ to_epoch(as_of()) }} - {{ to_epoch('volume_anomalies.known_at') }} < 86400
        )
        -- that nothing came at all, or too little as loads are missing, is said of the pipeline
        and not (
            volume_anomalies.grain = 'day'
            and volume_anomalies.direction = 'low'
            and (
                volume_anomalies.observed_rows = 0
                or coalesce(health.status, '') in ('late', 'failing', 'stalled', 'unreachable')
            )
        )

),

volume_findings as (

    select
        'volume' as alert_type,
        open_anomalies.relation_id as finding_id,
        'warning' as severity,
        false as is_event,
        open_anomalies.destination_name,
        open_anomalies.dataset_name,
        open_anomalies.pipeline_id,
        open_anomalies.pipeline_name,
        open_anomalies.table_name,
        open_anomalies.table_name as subject,
        {{ counted('open_anomalies.observed_rows', 'row') }}
            || case open_anomalies.grain
                when 'day' then ' on ' || cast({{ utc_date('open_anomalies.observed_at') }} as {{ dbt.type_string() }})
                else ' in the load of ' || {{ utc_minute('open_anomalies.observed_at') }} || ' UTC'
            end
            || '; ' || {{ whole('open_anomalies.expected_rows') }} || ' were expected'
            || coalesce(
                ' (' || {{ whole('open_anomalies.lower_bound') }} || ' to '
                    || {{ whole('open_anomalies.upper_bound') }} || ')',
                ''
            ) as summary,
        open_anomalies.observed_at as opened_at,
        'pipeline' as cause_type,
        coalesce(open_anomalies.pipeline_id, open_anomalies.relation_id) as cause,
        loads.run_url
    from open_anomalies
    left join loads
        on loads.destination_name = open_anomalies.destination_name
        and loads.dataset_name = open_anomalies.dataset_name
        and loads.load_id = open_anomalies.load_id
    where open_anomalies.place = 1

),

-- the same step of a schema in many datasets is one cause
schema_findings as (

    select
        'schema_change' as alert_type,
        {{ key([
            'schema_changes.destination_name', 'schema_changes.dataset_name', 'schema_changes.schema_name',
            'schema_changes.change_id',
        ]) }} as finding_id,
        case
            when schema_changes.change_type in (
                'table_removed', 'column_removed', 'data_type_changed', 'nullability_changed'
            ) then 'warning'
            else 'info'
        end as severity,
        true as is_event,
        schema_changes.destination_name,
        schema_changes.dataset_name,
        schema_changes.pipeline_id,
        schema_changes.pipeline_name,
        schema_changes.table_name,
        coalesce(schema_changes.table_name || coalesce('.' || schema_changes.column_name, ''), schema_changes.schema_name)
            as subject,
        replace(schema_changes.change_type, '_', ' ') || coalesce(' ' || schema_changes.hint_name, '')
            || case
                when schema_changes.old_value is not null and schema_changes.new_value is not null
                    then ' from ' || schema_changes.old_value || ' to ' || schema_changes.new_value
                else coalesce(' (' || coalesce(schema_changes.old_value, schema_changes.new_value) || ')', '')
            end
            || ' on ' || {{ utc_minute('schema_changes.changed_at') }} || ' UTC' as summary,
        schema_changes.changed_at as opened_at,
        'schema' as cause_type,
        schema_changes.schema_name || ' ' || schema_changes.version_hash as cause,
        loads.run_url
    from schema_changes
    left join loads
        on loads.destination_name = schema_changes.destination_name
        and loads.dataset_name = schema_changes.dataset_name
        and loads.load_id = schema_changes.load_id
    -- those of dlt's own tables come with a new version of dlt
    where not coalesce({{ is_dlt_table('schema_changes.table_name') }}, false)

),

-- a young one may still be on its way; rows that no committed load accounts for are seen by whoever reads the table
orphan_findings as (

    select
        'orphaned_load' as alert_type,
        {{ key([
            'orphaned_loads.destination_name', 'orphaned_loads.dataset_name', 'orphaned_loads.load_id',
        ]) }} as finding_id,
        case when orphaned_loads.row_count > 0 then 'warning' else 'info' end as severity,
        true as is_event,
        orphaned_loads.destination_name,
        orphaned_loads.dataset_name,
        health.pipeline_id,
        orphaned_loads.pipeline_names as pipeline_name,
        cast(null as {{ dbt.type_string() }}) as table_name,
        'load ' || orphaned_loads.load_id as subject,
        'was begun on ' || {{ utc_minute('orphaned_loads.started_at') }} || ' UTC and never committed'
            || case
                when orphaned_loads.row_count > 0
                    then '; ' || {{ counted('orphaned_loads.row_count', 'row') }} || ' of it can be read all the same'
                else ' (known from ' || orphaned_loads.evidence || ')'
            end as summary,
        orphaned_loads.started_at as opened_at,
        'pipeline' as cause_type,
        coalesce(health.pipeline_id, orphaned_loads.destination_name || ' ' || orphaned_loads.dataset_name) as cause,
        orphan_runs.run_url
    from orphaned_loads
    left join health
        on health.destination_name = orphaned_loads.destination_name
        and health.dataset_name = orphaned_loads.dataset_name
        and health.pipeline_name = orphaned_loads.pipeline_names
    left join orphan_runs
        on orphan_runs.destination_name = orphaned_loads.destination_name
        and orphan_runs.dataset_name = orphaned_loads.dataset_name
        and orphan_runs.load_id = orphaned_loads.load_id
    where {{ to_epoch(as_of()) }} - {{ to_epoch('orphaned_loads.started_at') }} > 6 * 3600

),

-- that all cursors of a pipeline rest is said of the pipeline
cursor_findings as (

    select
        case when cursors.has_regressed then 'regressed_cursor' else 'stuck_cursor' end as alert_type,
        {{ key([
            'cursors.pipeline_id', 'cursors.source_name', 'cursors.resource_name', 'cursors.cursor_path',
        ]) }} as finding_id,
        case when cursors.has_regressed then 'warning' else 'info' end as severity,
        cursors.has_regressed as is_event,
        cursors.destination_name,
        cursors.dataset_name,
        cursors.pipeline_id,
        cursors.pipeline_name,
        cast(null as {{ dbt.type_string() }}) as table_name,
        'cursor ' || cursors.cursor_path || ' of ' || cursors.resource_name as subject,
        case
            when cursors.has_regressed
                then 'went backwards on ' || {{ utc_minute('cursors.last_advanced_at') }} || ' UTC'
            else 'has not moved since ' || {{ utc_minute('cursors.last_advanced_at') }} || ' UTC, for '
                || {{ counted('cursors.loads_since_advance', 'load') }}
        end as summary,
        cursors.last_advanced_at as opened_at,
        'pipeline' as cause_type,
        cursors.pipeline_id as cause,
        cast(null as {{ dbt.type_string() }}) as run_url
    from cursors
    left join health on health.pipeline_id = cursors.pipeline_id
    where (cursors.has_regressed and {{ is_recent('cursors.last_advanced_at') }})
        or (cursors.is_stuck and not cursors.has_regressed and health.status not in ('stalled', 'retired'))

),

-- what is left out on purpose is nobody's concern, nor what a developer left behind
left_out as (

    select
        destination_name,
        dataset_name
    from coverage
    where outcome in ('dev_mode', 'excluded')

),

findings as (

    select * from pipeline_findings
    union all
    select * from unread_findings
    union all
    select * from unread_pipeline_findings
    union all
    select * from schema_findings
    union all
    select * from orphan_findings
    union all
    select * from cursor_findings
    union all
    select * from volume_findings

),

final as (

    select
        {{ key(['findings.alert_type', 'findings.finding_id']) }} as alert_key,
        findings.alert_type,
        findings.severity,
        findings.is_event,
        findings.destination_name,
        findings.dataset_name,
        findings.pipeline_id,
        findings.pipeline_name,
        case
            when findings.table_name is not null then {{ relation_key('findings.table_name', 'findings.') }}
        end as relation_id,
        findings.table_name,
        findings.subject,
        findings.summary,
        coalesce(findings.opened_at, {{ as_of() }}) as opened_at,
        {{ key(['findings.cause_type', 'findings.cause']) }} as cause_key,
        findings.run_url
    from findings
    left join left_out
        on left_out.destination_name = findings.destination_name
        and left_out.dataset_name = findings.dataset_name
    where left_out.destination_name is null

)

select * from final
