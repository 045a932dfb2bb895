-- Version 2: what a claim keeps for the payment ledger.

ALTER TABLE {schema}.claims
    ADD COLUMN details bytea NOT NULL DEFAULT '',
    ADD COLUMN delivered_to text NOT NULL DEFAULT '',
    ADD COLUMN delivery_request text NOT NULL DEFAULT '';
