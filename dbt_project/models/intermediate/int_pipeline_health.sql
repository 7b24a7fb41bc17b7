with pipelines as (

    select * from {{ ref('pipelines') }}

),

rhythms as (

    select * from {{ ref('int_pipeline_rhythm') }}

),

doubts as (

    select * from {{ ref('int_pipeline_doubts') }}

),

coverage as (

    select * from {{ ref('destination_coverage') }}

),

readings as (

    select * from {{ ref('int_dataset_readings') }}

),

pipeline_runs as (

    select * from {{ ref('int_pipeline_runs') }}

),

waiting_packages as (

    select * from {{ ref('int_waiting_packages') }}

),

anomalies as (

    select * from {{ ref('int_pipeline_anomalies') }}

),

-- what a developer's runs load to is not read, so they are known by its name only
dev_mode_names as (

    select distinct lower(dataset_name) as folded_name
    from coverage
    where outcome = 'dev_mode'

),

cursors as (

    select * from {{ ref('incremental_cursors') }}

),

-- one cursor may rest because nothing changes there; that all do is worth a look
stuck_cursors as (

    select
        pipeline_id,
        max(last_advanced_at) as stuck_since
    from cursors
    group by pipeline_id
    having min(case when is_stuck then 1 else 0 end) = 1

),

observed as (

    select
        pipelines.pipeline_id,
        pipelines.destination_name,
        pipelines.dataset_name,
        pipelines.pipeline_name,
        pipelines.schema_names,
        pipelines.load_count + pipelines.possible_load_count as load_count,
        -- a load that may have been its own counts for it: doubt must not make a pipeline late
        pipelines.last_possible_load_at as last_load_at,
        pipelines.last_load_at as last_certain_load_at,
        pipelines.first_load_at,
        rhythms.calendar,
        rhythms.interval_seconds,
        rhythms.tolerance_seconds,
        rhythms.expected_at,
        rhythms.expected_by as learned_by,
        {{ expected_within_hours('pipelines.pipeline_name') }} as within_hours,
        rhythms.weekdays,
        rhythms.firings_per_day,
        rhythms.longest_gap_seconds,
        rhythms.known_seconds,
        anomalies.anomaly_count,
        anomalies.table_name as anomalous_table,
        anomalies.grain as anomalous_grain,
        anomalies.observed_at as anomaly_observed_at,
        anomalies.observed_rows,
        anomalies.expected_rows,
        case
            when coverage.outcome is null and dev_mode_names.folded_name is not null then 'dev_mode'
            else coverage.outcome
        end as outcome,
        coverage.first_collected_at,
        readings.read_until,
        doubts.uncertain_load_count,
        doubts.pipeline_candidates,
        pipeline_runs.last_outcome,
        pipeline_runs.last_finished_at,
        pipeline_runs.last_run_at,
        pipeline_runs.last_empty_at,
        pipeline_runs.failed_step,
        pipeline_runs.exception_type,
        pipeline_runs.message,
        pipeline_runs.failed_job_count,
        pipeline_runs.failed_table,
        pipeline_runs.failure_count,
        pipeline_runs.failing_since,
        pipeline_runs.unusual_empty_count,
        pipeline_runs.empty_since,
        -- without a captured run nobody knows
        case when pipeline_runs.pipeline_id is not null then coalesce(waiting_packages.pending_count, 0) end as pending_count,
        -- without captured runs nobody knows whether it runs at all
        case when pipeline_runs.last_run_at > stuck_cursors.stuck_since then stuck_cursors.stuck_since end as stuck_since,
        {{ as_of() }} as judged_at
    from pipelines
    left join rhythms on rhythms.pipeline_id = pipelines.pipeline_id
    left join doubts on doubts.pipeline_id = pipelines.pipeline_id
    left join anomalies on anomalies.pipeline_id = pipelines.pipeline_id
    left join pipeline_runs on pipeline_runs.pipeline_id = pipelines.pipeline_id
    left join waiting_packages on waiting_packages.pipeline_id = pipelines.pipeline_id
    left join stuck_cursors on stuck_cursors.pipeline_id = pipelines.pipeline_id
    left join coverage
        on coverage.destination_name = pipelines.destination_name
        and coverage.dataset_name = pipelines.dataset_name
    left join dev_mode_names on dev_mode_names.folded_name = lower(pipelines.dataset_name)
    left join readings
        on readings.destination_name = pipelines.destination_name
        and readings.dataset_name = pipelines.dataset_name

),

-- a run that found nothing to load was in time all the same
alive as (

    select
        *,
        case when last_empty_at > last_load_at then last_empty_at else last_load_at end as last_alive_at
    from observed

),

measured as (

    select
        *,
        {{ to_epoch('judged_at') }} - {{ to_epoch('last_load_at') }} as age_seconds,
        {{ to_epoch('judged_at') }} - {{ to_epoch('last_run_at') }} as idle_seconds,
        {{ to_epoch('judged_at') }} - {{ to_epoch('last_empty_at') }} as empty_seconds,
        -- nobody knows of the time that was not read
        {{ to_epoch('coalesce(read_until, judged_at)') }} - {{ to_epoch('last_load_at') }} as silent_seconds,
        {{ to_epoch('judged_at') }} - {{ to_epoch('read_until') }} > 86400 as is_read_long_ago,
        -- what is configured goes before what is learned
        case
            when within_hours is null then learned_by
            else {{ from_epoch(to_epoch('last_alive_at') ~ ' + 3600 * within_hours') }}
        end as expected_by,
        -- without a rhythm the longest gap so far stands in, and nine days where there is none
        coalesce(interval_seconds, longest_gap_seconds, 9 * 86400) as patience_seconds
    from alive
    -- what is left out on purpose is not read, so there is nothing to judge
    where coalesce(outcome, '') not in ('dev_mode', 'excluded')

),

-- silent for so long, by its own measure too, that nobody waits for it any more
silent as (

    select
        *,
        coalesce(last_load_at, last_run_at) is not null
        and coalesce(silent_seconds > 30 * 86400 and silent_seconds > 10 * patience_seconds, true)
        and coalesce(idle_seconds > 30 * 86400 and idle_seconds > 10 * patience_seconds, true) as is_silent,
        -- a load since then, captured or not, has made up for it
        coalesce(last_certain_load_at <= last_finished_at, true) as is_last_word
    from measured

),

-- each rule by itself; which of them counts is decided below
ruled as (

    select
        *,
        -- its last run ended with an exception: that is known whether or not its dataset could be read
        coalesce(failure_count > 0 and is_last_word and not is_silent, false) as is_failing,
        case
            {% if not shows_past() %}
            -- no collection that read the dataset was ever finished
            when outcome is null then true
            {% endif %}
            -- the last collection could not read the dataset: whatever is known of it is out of date
            when outcome not in ('complete', 'partial') then true
            -- nobody has looked since before the next load was due: neither healthy nor late can be told
            when judged_at > expected_by and read_until <= expected_by then true
            else false
        end as is_unreachable,
        -- nobody waits for it any more
        is_silent as is_retired,
        -- it began and never ended, runs without bringing anything, or without getting on
        coalesce(last_outcome = 'unfinished' and coalesce(last_certain_load_at <= last_run_at, true), false)
        or coalesce(unusual_empty_count > 0, false)
        or stuck_since is not null as is_stalled,
        -- the next load is overdue
        coalesce(judged_at > expected_by, false) as is_late,
        -- part of its last run was not loaded
        coalesce(last_outcome = 'with_failed_jobs' and is_last_word, false)
        or coalesce(pending_count > 0, false) as is_partial,
        -- a table got far more or far fewer rows than what came before lets expect
        coalesce(anomaly_count > 0, false) as is_anomalous,
        -- three intervals, so four loads, and a day make a rhythm
        expected_by is null as is_new
    from silent

),

judged as (

    select
        *,
        case
            when is_failing then 'failing'
            when is_unreachable then 'unreachable'
            when is_retired then 'retired'
            when is_stalled then 'stalled'
            when is_late then 'late'
            when is_partial then 'partial'
            when is_anomalous then 'anomalous'
            when is_new then 'new'
            else 'healthy'
        end as status
    from ruled

),

worded as (

    select
        *,
        {{ duration_words('age_seconds') }} as age,
        {{ duration_words('silent_seconds') }}
            || case
                when is_read_long_ago
                    then ' up to ' || {{ utc_minute('read_until') }} || ' UTC, when it was last read'
                else ''
            end as silence,
        case
            when within_hours is not null
                then 'every ' || {{ duration_words('3600 * within_hours') }} || ', as configured'
            when calendar = 'interval' or firings_per_day is null then 'every ' || {{ duration_words('interval_seconds') }}
            when firings_per_day < 1.5
                then weekdays || ' at about ' || substring({{ utc_minute('expected_at') }}, 12, 5) || ' UTC'
            else weekdays || ', several times a day'
        end as habit,
        case
            when within_hours is not null then ''
            when calendar <> 'interval' and firings_per_day >= 1.5
                then ', next at about ' || {{ utc_minute('expected_at') }} || ' UTC, ± '
                    || {{ duration_words('tolerance_seconds') }}
            else ', ± ' || {{ duration_words('tolerance_seconds') }}
        end as next_time,
        {{ counted('load_count', 'load') }} as load_words,
        case
            when uncertain_load_count = 1
                then ' (the last load may be of ' || replace(pipeline_candidates, ', ', ' or ') || ')'
            when uncertain_load_count > 1
                then ' (the last ' || {{ whole('uncertain_load_count') }} || ' loads may be of '
                    || replace(pipeline_candidates, ', ', ' or ') || ')'
            else ''
        end as doubt,
        case
            when last_empty_at > last_load_at
                then '; its run ' || {{ duration_words('empty_seconds') }}
                    || ' ago had nothing to load'
            else ''
        end as emptiness,
        coalesce(' in ' || failed_step, '') || coalesce(': ' || exception_type, '')
            || coalesce(': ' || {{ first_line('message') }}, '') as failure
    from judged

),

reasoned as (

    select
        *,
        case
            when status = 'failing' and failure_count = 1
                then 'its last run, on ' || {{ utc_minute('failing_since') }} || ' UTC, failed' || failure
            when status = 'failing'
                then 'its last ' || {{ counted('failure_count', 'run') }} || ', since '
                    || {{ utc_minute('failing_since') }} || ' UTC, failed, the last one' || failure
            when status = 'stalled' and last_outcome = 'unfinished'
                then 'its run of ' || {{ utc_minute('last_run_at') }} || ' UTC began and never ended'
            when status = 'stalled' and unusual_empty_count > 0
                then 'its last ' || {{ counted('unusual_empty_count', 'run') }} || ', since '
                    || {{ utc_minute('empty_since') }} || ' UTC, brought no rows; before, they did'
            when status = 'stalled'
                then 'it runs, but none of its cursors has moved since ' || {{ utc_minute('stuck_since') }} || ' UTC'
            when status = 'partial' and last_outcome = 'with_failed_jobs'
                then {{ counted('failed_job_count', 'job') }} || ' of its last run failed'
                    || coalesce(' (table ' || failed_table || ')', '')
            when status = 'partial'
                then {{ counted('pending_count', 'load package') }} || ' of its last run, on '
                    || {{ utc_minute('last_run_at') }} || ' UTC, ' || case when pending_count = 1 then 'was' else 'were' end
                    || ' never loaded'
            when status = 'unreachable' and outcome is null and load_count = 0 and last_run_at is not null
                then 'known from captured runs only: no collection has read its dataset'
            when status = 'unreachable' and outcome is null
                then 'no finished collection has read its dataset yet'
            when status = 'unreachable' and outcome = 'missing'
                then 'its dataset is gone since ' || {{ utc_minute('first_collected_at') }} || ' UTC'
            when status = 'unreachable' and outcome not in ('complete', 'partial')
                then 'its dataset could not be read (' || outcome || ') since '
                    || {{ utc_minute('first_collected_at') }} || ' UTC'
            when status = 'unreachable'
                then 'not collected since ' || {{ utc_minute('read_until') }}
                    || ' UTC, before its next load was expected (by '
                    || {{ utc_minute('expected_by') }} || ' UTC)' || doubt
            when status = 'retired' and last_load_at is null
                then 'no run for ' || {{ duration_words('idle_seconds') }} || ' and no load ever'
            when status = 'retired' and coalesce(within_hours, interval_seconds) is not null
                then 'no load for ' || silence || '; it used to load ' || habit || doubt
            when status = 'retired'
                then 'no load for ' || silence || ', after ' || load_words || doubt
            when status = 'anomalous'
                then anomalous_table || ' got ' || {{ counted('observed_rows', 'row') }}
                    || case
                        when anomalous_grain = 'day'
                            then ' on ' || substring({{ utc_minute('anomaly_observed_at') }}, 1, 10)
                        else ' in the load of ' || {{ utc_minute('anomaly_observed_at') }} || ' UTC'
                    end || '; expected about ' || {{ whole('expected_rows') }}
                    || case
                        when anomaly_count = 2 then ' (1 more anomaly)'
                        when anomaly_count > 2 then ' (' || {{ whole('anomaly_count - 1') }} || ' more anomalies)'
                        else ''
                    end
            when status = 'new' and load_count = 0
                then 'no load so far'
            when status = 'new' and load_count < 4
                then load_words || ' so far; its rhythm is known from 4 on' || doubt
            when status = 'new' and known_seconds < 86400
                then load_words || ' so far, within ' || {{ duration_words('known_seconds') }}
                    || '; its rhythm is known after a day' || doubt
            when status = 'new'
                then load_words || ' so far, too few of them a minute or more apart to know its rhythm' || doubt
            when status = 'late'
                then 'no load for ' || silence || '; it loads ' || habit || next_time || doubt
            else 'last load ' || age || ' ago' || emptiness || '; it loads ' || habit || next_time || doubt
        end as reason,
        case
            when status = 'failing' then failing_since
            when status = 'unreachable' and outcome not in ('complete', 'partial') then first_collected_at
            when status = 'unreachable' and outcome is not null then expected_by
            when status = 'late' then expected_by
            when status = 'retired' then {{ from_epoch(
                "greatest(coalesce(" ~ to_epoch('last_load_at') ~ ", 0), coalesce(" ~ to_epoch('last_run_at')
                ~ ", 0)) + greatest(30 * 86400, 10 * patience_seconds)"
            ) }}
            when status = 'stalled' and last_outcome = 'unfinished' then last_run_at
            when status = 'stalled' and unusual_empty_count > 0 then empty_since
            when status = 'stalled' then stuck_since
            when status = 'partial' then last_finished_at
            when status = 'anomalous' then anomaly_observed_at
            when status = 'new' then first_load_at
            when status = 'healthy' then last_alive_at
        end as began_at
    from worded

),

final as (

    select
        pipeline_id,
        destination_name,
        dataset_name,
        pipeline_name,
        schema_names,
        status,
        reason,
        last_load_at,
        interval_seconds as expected_interval_seconds,
        tolerance_seconds,
        expected_by,
        load_count,
        -- when it became so, as far as that can be told; never later than now
        case when began_at < judged_at then began_at else judged_at end as began_at,
        judged_at,
        -- what was looked at, so that the status can be explained
        first_load_at,
        last_certain_load_at,
        uncertain_load_count,
        pipeline_candidates,
        outcome,
        first_collected_at,
        read_until,
        last_outcome,
        last_run_at,
        last_finished_at,
        last_empty_at,
        failure_count,
        failing_since,
        failed_job_count,
        failed_table,
        unusual_empty_count,
        empty_since,
        pending_count,
        stuck_since,
        calendar,
        habit,
        expected_at,
        within_hours,
        longest_gap_seconds,
        known_seconds,
        silent_seconds,
        idle_seconds,
        patience_seconds,
        anomaly_count,
        anomalous_table,
        anomalous_grain,
        anomaly_observed_at,
        observed_rows,
        expected_rows,
        is_failing,
        is_unreachable,
        is_retired,
        is_stalled,
        is_late,
        is_partial,
        is_anomalous,
        is_new
    from reasoned

)

select * from final
