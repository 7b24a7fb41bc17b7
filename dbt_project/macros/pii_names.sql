{#-
    Names of columns that suggest personal data: category, how surely, in which types, and the words. A word is looked for
    between underscores; `first_name` and `firstname` are both tried. Values are never looked at.
-#}
{% macro pii_name_rules() %}
    {%- set text = ['text'] -%}
    {%- set text_or_number = ['text', 'number'] -%}
    {%- set text_or_date = ['text', 'date'] -%}
    {%- set rules = [
        ('email', 0.9, text, ['email', 'e_mail', 'emails', 'mail_address', 'email_addr']),
        ('phone', 0.9, text_or_number, [
            'phone', 'phones', 'phone_number', 'telephone', 'mobile_number', 'cell_phone', 'msisdn', 'fax', 'fax_number', 'whatsapp'
        ]),
        ('name', 0.9, text, [
            'first_name', 'last_name', 'middle_name', 'full_name', 'given_name', 'family_name', 'surname', 'forename',
            'maiden_name', 'birth_name', 'nick_name', 'legal_name', 'customer_name', 'contact_name', 'person_name',
            'employee_name', 'patient_name', 'passenger_name', 'guest_name', 'card_holder', 'cardholder_name',
            'account_holder', 'recipient_name', 'signatory_name', 'beneficiary_name'
        ]),
        ('name', 0.6, text, ['user_name', 'login_name', 'screen_name', 'display_name', 'author_name', 'owner_name']),
        ('birth', 0.9, text_or_date, [
            'birth_date', 'date_of_birth', 'birth_day', 'dob', 'birth_place', 'place_of_birth', 'year_of_birth'
        ]),
        ('address', 0.9, text, [
            'street', 'street_address', 'street_name', 'home_address', 'postal_address', 'mailing_address', 'billing_address',
            'shipping_address', 'delivery_address', 'address_line', 'address_line_1', 'address_line_2', 'house_number'
        ]),
        ('address', 0.6, text_or_number, ['address', 'zip', 'zip_code', 'postal_code', 'post_code', 'postcode']),
        ('government_id', 0.9, text_or_number, [
            'ssn', 'social_security_number', 'social_security', 'national_id', 'national_insurance_number', 'passport',
            'passport_number', 'drivers_license', 'driver_license', 'driving_licence', 'license_plate', 'licence_plate',
            'tax_id', 'tax_number', 'personal_id', 'identity_number', 'nhs_number', 'aadhaar', 'bsn', 'vat_id'
        ]),
        ('payment', 0.9, text_or_number, [
            'iban', 'bank_account', 'bank_account_number', 'account_number', 'credit_card', 'credit_card_number', 'card_number',
            'cvv', 'cvc', 'routing_number', 'sort_code'
        ]),
        ('health', 0.9, text, [
            'diagnosis', 'blood_type', 'blood_group', 'medical_record', 'medical_record_number', 'allergies', 'disability'
        ]),
        ('trait', 0.6, text, [
            'gender', 'sex', 'ethnicity', 'race', 'religion', 'nationality', 'marital_status', 'sexual_orientation',
            'political_party'
        ]),
        ('income', 0.6, text_or_number, ['salary', 'wage', 'annual_income', 'household_income']),
        ('network', 0.9, text, ['ip_address', 'ip_addr', 'mac_address', 'client_ip', 'remote_ip', 'user_ip', 'ipv4', 'ipv6']),
        ('network', 0.6, text, ['device_id', 'advertising_id', 'idfa', 'gaid', 'user_agent', 'cookie_id', 'imei', 'imsi']),
        ('location', 0.6, text_or_number, ['latitude', 'longitude', 'geo_location', 'gps_coordinates', 'home_city']),
        ('secret', 0.9, text, ['password', 'passwd', 'pin_code', 'security_answer', 'access_token', 'refresh_token'])
    ] -%}
    {{- return(rules) -}}
{% endmacro %}

{#- Names that are words of personal data only as a whole: in `file_name` or `ip_range` they mean something else. -#}
{% macro pii_whole_names() %}
    {{- return([
        ('network', 0.6, ['text'], ['ip']),
        ('phone', 0.6, ['text', 'number'], ['mobile', 'tel']),
        ('location', 0.6, ['text', 'number'], ['lat', 'lng', 'lon'])
    ]) -}}
{% endmacro %}

{#- Words beside which a name tells something about the data, not the data: `email_verified_at`, `address_type`. -#}
{% macro pii_other_words() %}
    {{- return([
        'is', 'has', 'had', 'was', 'can', 'should', 'at', 'on', 'id', 'ids', 'uuid', 'key', 'pk', 'fk', 'count', 'counts', 'cnt',
        'total', 'type', 'types', 'kind', 'status', 'state', 'flag', 'enabled', 'verified', 'valid', 'validated', 'confirmed', 'opted', 'opt',
        'consent', 'subscribed', 'subscription', 'template', 'campaign', 'subject', 'opens', 'clicks', 'sent', 'bounced', 'bounce', 'delivered',
        'domain', 'provider', 'format', 'length', 'hash', 'hashed', 'sha256', 'md5', 'version', 'model', 'category', 'policy', 'preference',
        'preferences', 'rate', 'ratio', 'score', 'fee', 'fees', 'rating', 'ratings', 'condition', 'car', 'horse', 'expires', 'expiry', 'reset',
        'attempts', 'file', 'table', 'column', 'schema', 'product', 'server', 'support', 'company', 'warehouse', 'validity', 'prefix'
    ]) -}}
{% endmacro %}

{#- Tables whose `name` is that of a person. -#}
{% macro pii_person_words() %}
    {{- return([
        'customer', 'user', 'person', 'employee', 'contact', 'patient', 'member', 'passenger', 'student', 'subscriber', 'guest',
        'lead', 'author', 'applicant', 'candidate', 'donor', 'driver', 'attendee'
    ]) -}}
{% endmacro %}

{% macro is_named_after_person(table) -%}
    {%- set wrapped = "'_' || lower(" ~ table ~ ") || '_'" -%}
    (
        {%- for word in pii_person_words() %}
        {{ dbt.position("'_" ~ word ~ "_'", wrapped) }} > 0 or {{ dbt.position("'_" ~ word ~ "s_'", wrapped) }} > 0 or
        {%- endfor %}
        {{ dbt.position("'_people_'", wrapped) }} > 0
    )
{%- endmacro %}

{#- Words of the configuration's `names` beside ours, without those of `skip_names`. -#}
{% macro pii_words() %}
    {%- set skipped = var('pii_skip_names', []) | map('lower') | list -%}
    {%- set added = [] -%}
    {%- for name, category in var('pii_names', {}).items() -%}
        {%- do added.append((category, 0.9, ['text', 'number', 'date'], [name | lower])) -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for is_whole, rules in [(false, pii_name_rules() + added), (true, pii_whole_names())] -%}
        {%- for category, confidence, types, words in rules if category not in skipped -%}
            {%- for word in words if word not in skipped -%}
                {%- do found.append((word, category, confidence, types, is_whole)) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}

{#- Kind of a type, by dlt's names of types and those of warehouses: text, number, date, other; null where not known. -#}
{% macro type_kind(data_type) -%}
    {%- set folded = 'lower(' ~ data_type ~ ')' -%}
    case
        when {{ data_type }} is null then null
        when {{ folded }} in ('text', 'string', 'json', 'complex', 'variant', 'object', 'super', 'jsonb', 'citext', 'uuid', 'inet')
            or {{ dbt.position("'char'", folded) }} > 0 or {{ dbt.position("'text'", folded) }} > 0
            or {{ dbt.position("'string'", folded) }} > 0 or {{ dbt.position("'struct'", folded) }} > 0
            then 'text'
        when {{ folded }} in ('date', 'timestamp') or substring({{ folded }}, 1, 4) = 'date'
            or substring({{ folded }}, 1, 9) = 'timestamp'
            then 'date'
        when {{ folded }} = 'wei' or {{ dbt.position("'int'", folded) }} > 0 or {{ dbt.position("'dec'", folded) }} > 0
            or {{ dbt.position("'num'", folded) }} > 0 or {{ dbt.position("'float'", folded) }} > 0
            or {{ dbt.position("'double'", folded) }} > 0 or {{ dbt.position("'real'", folded) }} > 0
            then 'number'
        else 'other'
    end
{%- endmacro %}

{#- A column `name` of a table of persons. -#}
{% macro is_name_of_person(columns) -%}
    (
        {%- if 'name' in (var('pii_skip_names', []) | map('lower')) -%}
        false
        {%- else %}
        {{ columns }}.folded_name = 'name'
        and coalesce({{ type_kind(columns ~ '.data_type') }}, 'text') = 'text'
        and {{ is_named_after_person(columns ~ '.table_name') }}
        {%- endif %}
    )
{%- endmacro %}

{#- Why a row of pii_columns is there, in words. -#}
{% macro pii_reason(row) -%}
    case
        when {{ row }}.status = 'declared' and {{ row }}.method = 'hint' then 'tagged by a hint of its dlt schema'
        when {{ row }}.status = 'declared' then 'tagged in its dbt project'
        when {{ row }}.status = 'suggested' and {{ row }}.word is null
            then 'it is the name in a table of persons; nobody has said whether it is personal data'
        when {{ row }}.status = 'suggested'
            then 'its name holds "' || {{ row }}.word || '"; nobody has said whether it is personal data'
        when {{ row }}.status = 'declassified' and {{ row }}.origin_id is null then 'marked as no personal data'
        when {{ row }}.method = 'mark'
            then 'marked as no personal data, although made of ' || {{ row }}.came_from
        when {{ row }}.method = 'aggregate'
            then 'only counts ' || {{ row }}.came_from || ' (' || {{ row }}.functions || ')'
        when {{ row }}.way = 'nested' then 'dlt unfolded it from ' || {{ row }}.came_from
        when {{ row }}.way = 'copied' then 'a pipeline read ' || {{ row }}.came_from || ' and loads a column of that name'
        else 'made of ' || {{ row }}.came_from
            || case when {{ row }}.is_masked then ', hashed or masked on every way' else '' end
    end
{%- endmacro %}
