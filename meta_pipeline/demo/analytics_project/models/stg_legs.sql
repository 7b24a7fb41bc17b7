select
    _dlt_parent_id as rotation_id,
    departed_at,
    flight_number,
    origin,
    destination,
    distance_miles
from {{ source('maintenance', 'rotations__legs') }}
