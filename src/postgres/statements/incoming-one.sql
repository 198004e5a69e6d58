-- $1 id.
SELECT incoming_as_json(incoming) AS incoming FROM incoming WHERE incoming_id = $1::uuid
