with columns as (

    select * from {{ ref('int_governed_columns') }}

),

names as (

    select distinct
        folded_name,
        coalesce({{ type_kind('data_type') }}, '') as type_kind
    from columns

),

words as (

    {% for word, category, confidence, types, is_whole in pii_words() -%}
    select
        {{ quoted(word) }} as word,
        {{ quoted(category) }} as category,
        {{ confidence }} as confidence,
        '{{ types | join(",") }}' as types,
        {{ 'true' if is_whole else 'false' }} as is_whole
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- else %}
    select '' as word, '' as category, 0.0 as confidence, '' as types, true as is_whole
    {%- endfor %}

),

other_words as (

    {% for word in pii_other_words() -%}
    select '_{{ word }}_' as word
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

),

wrapped as (

    select
        *,
        '_' || replace(replace(folded_name, '__', '_'), ' ', '_') || '_' as wrapped_name
    from names

),

-- first_name and firstname
spelt as (

    select *, '_' || word || '_' as spelling from words
    union all
    select *, '_' || replace(word, '_', '') || '_' as spelling from words where word <> replace(word, '_', '')

),

matched as (

    select
        wrapped.folded_name,
        wrapped.type_kind,
        spelt.word,
        spelt.category,
        spelt.confidence,
        replace(wrapped.wrapped_name, spelt.spelling, '_') as rest
    from wrapped
    inner join spelt on {{ dbt.position('spelt.spelling', 'wrapped.wrapped_name') }} > 0
    where (not spelt.is_whole or wrapped.wrapped_name = spelt.spelling)
        and (wrapped.type_kind = '' or {{ dbt.position('wrapped.type_kind', 'spelt.types') }} > 0)

),

ranked as (

    select
        *,
        row_number() over (
            partition by folded_name, type_kind order by confidence desc, length(word) desc, word, category
        ) as choice
    from matched
    where not exists (
        select 1
        from other_words
        where {{ dbt.position('other_words.word', 'matched.rest') }} > 0
    )

),

final as (

    select
        folded_name,
        type_kind,
        word,
        category,
        cast(confidence as {{ number_type() }}) as confidence
    from ranked
    where choice = 1

)

select * from final
