-- Written by the service at version 2 of its database, before there were migrations.
CREATE TABLE public.account_changes (
    lead_id text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    account_id text COLLATE pg_catalog."C"
);
CREATE TABLE public.api_keys (
    key_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    scopes text NOT NULL COLLATE pg_catalog."C",
    hash bytea NOT NULL,
    requests_per_second double precision,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint
);
CREATE TABLE public.attribute_changes (
    lead_id text NOT NULL COLLATE pg_catalog."C",
    attribute text NOT NULL COLLATE pg_catalog."C",
    type text COLLATE pg_catalog."C",
    value text COLLATE pg_catalog."C",
    available_at bigint NOT NULL,
    sequence bigint NOT NULL
);
CREATE TABLE public.audit (
    score_id text NOT NULL COLLATE pg_catalog."C",
    lead_id text NOT NULL COLLATE pg_catalog."C",
    as_of bigint NOT NULL,
    horizon_days double precision NOT NULL,
    reasons text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    model_version text NOT NULL COLLATE pg_catalog."C",
    feature_set text NOT NULL COLLATE pg_catalog."C",
    scored_at bigint NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    probability double precision,
    probability_low double precision,
    probability_high double precision,
    base_log_odds double precision,
    digest bytea NOT NULL
);
CREATE TABLE public.current_scores (
    lead_id text NOT NULL COLLATE pg_catalog."C",
    as_of bigint NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    probability double precision,
    probability_low double precision,
    probability_high double precision,
    band text COLLATE pg_catalog."C",
    stage text COLLATE pg_catalog."C",
    prospect boolean,
    rank bigint,
    expected_value double precision,
    waiting_hours double precision,
    base_log_odds double precision,
    reasons text NOT NULL COLLATE pg_catalog."C",
    curve text NOT NULL COLLATE pg_catalog."C",
    horizon_days double precision NOT NULL,
    model_version text NOT NULL COLLATE pg_catalog."C",
    feature_set text NOT NULL COLLATE pg_catalog."C",
    scored_at bigint NOT NULL,
    worth double precision,
    created_at bigint NOT NULL,
    account_id text COLLATE pg_catalog."C",
    source text COLLATE pg_catalog."C",
    words text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL
);
CREATE TABLE public.erased (
    hash bytea NOT NULL,
    erased_at bigint NOT NULL
);
CREATE TABLE public.ingestion (
    item text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL
);
CREATE TABLE public.interactions (
    source text NOT NULL COLLATE pg_catalog."C",
    interaction_id text NOT NULL COLLATE pg_catalog."C",
    lead_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    occurred_at bigint NOT NULL,
    available_at bigint NOT NULL,
    direction text COLLATE pg_catalog."C",
    channel text COLLATE pg_catalog."C",
    campaign text COLLATE pg_catalog."C",
    value double precision,
    further text COLLATE pg_catalog."C",
    content bytea NOT NULL,
    sequence bigint NOT NULL
);
CREATE TABLE public.leadodds_store (
    version integer NOT NULL,
    salt bytea NOT NULL,
    sequence bigint NOT NULL,
    rescored bigint NOT NULL
);
CREATE TABLE public.leads (
    lead_id text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    account_id text COLLATE pg_catalog."C"
);
CREATE TABLE public.outcomes (
    key bytea NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    lead_id text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    occurred_at bigint NOT NULL,
    available_at bigint NOT NULL,
    amount double precision,
    sequence bigint NOT NULL
);
CREATE TABLE public.quarantine (
    key bytea NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    lead_id text NOT NULL COLLATE pg_catalog."C",
    item text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C",
    received_at bigint NOT NULL
);
CREATE TABLE public.scores (
    lead_id text NOT NULL COLLATE pg_catalog."C",
    as_of bigint NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    probability double precision,
    probability_low double precision,
    probability_high double precision,
    band text COLLATE pg_catalog."C",
    stage text COLLATE pg_catalog."C",
    prospect boolean,
    rank bigint,
    expected_value double precision,
    waiting_hours double precision,
    base_log_odds double precision,
    reasons text NOT NULL COLLATE pg_catalog."C",
    curve text NOT NULL COLLATE pg_catalog."C",
    horizon_days double precision NOT NULL,
    model_version text NOT NULL COLLATE pg_catalog."C",
    feature_set text NOT NULL COLLATE pg_catalog."C",
    scored_at bigint NOT NULL
);
INSERT INTO public.account_changes VALUES ('a', 1, 'A');
INSERT INTO public.account_changes VALUES ('b', 2, 'A');
INSERT INTO public.account_changes VALUES ('c', 3, NULL);
INSERT INTO public.api_keys VALUES ('51809bb50f86', 'crm', 'score,write', '\x662e13fc105b7915a5b5c57f63634631b05ed4c0f30bd6ae43e78bba2fbbcaec', NULL, 1768262400000000, NULL, NULL);
INSERT INTO public.attribute_changes VALUES ('a', 'country', 'category', 'DE', 1768089600000000, 1);
INSERT INTO public.attribute_changes VALUES ('a', 'has_budget', 'boolean', 'true', 1768089600000000, 1);
INSERT INTO public.attribute_changes VALUES ('a', 'size', 'number', '12', 1768089600000000, 1);
INSERT INTO public.attribute_changes VALUES ('b', 'country', 'category', 'FR', 1768089600000000, 2);
INSERT INTO public.attribute_changes VALUES ('b', 'source', 'category', 'web', 1768089600000000, 2);
INSERT INTO public.audit VALUES ('01a22b87a42c0820c50d37c57df598bc', 'a', 1768176000000000, 30, '3', 9, '1', 'a6387c641949', 1768176000000000, 'scored', 0.4687906266262437, NULL, NULL, -1.9999999999999998, '\x3c9e37d8aaed409704ee3877074580db');
INSERT INTO public.current_scores VALUES ('a', 1768176000000000, 'scored', 0.4687906266262437, NULL, NULL, 'A', 'sql', true, NULL, NULL, 144, -1.9999999999999998, '[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"DE","points":0.49999999999999994,"direction":"raises"},{"feature":"has_budget","label":"Has a budget","value":"yes","points":0.24999999999999997,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":0.12499999999999978,"direction":"raises"}]', '[{"days":30.0,"probability":0.4687906266262437}]', 30, '1', 'a6387c641949', 1768176000000000, 0.4687906266262437, 1767312000000000, 'A', NULL, 'a
a
de', 8);
INSERT INTO public.current_scores VALUES ('b', 1768176000000000, 'scored', 0.20181322226037884, NULL, NULL, 'B', 'sql', true, NULL, NULL, 168, -1.9999999999999998, '[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"FR","points":-0.49999999999999994,"direction":"lowers"},{"feature":"account_count","label":"Interactions of the account","value":"3","points":0.12499999999999999,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":-1.1102230246251565e-16,"direction":"lowers"}]', '[{"days":30.0,"probability":0.20181322226037884}]', 30, '1', 'a6387c641949', 1768176000000000, 0.20181322226037884, 1767398400000000, 'A', 'web', 'b
a
fr
web', 8);
INSERT INTO public.current_scores VALUES ('c', 1768176000000000, 'converted', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '[]', 30, '1', 'a6387c641949', 1768176000000000, NULL, 1767484800000000, NULL, NULL, 'c
', 8);
INSERT INTO public.erased VALUES ('\xb867d25113e05ca739299db354fa5955', 1768176000000000);
INSERT INTO public.erased VALUES ('\xe548ce31650ccef3c05f1a49159dc5a2', 1768176000000000);
INSERT INTO public.ingestion VALUES ('interactions', 'stored', 5);
INSERT INTO public.ingestion VALUES ('interactions', 'quarantined', 1);
INSERT INTO public.ingestion VALUES ('interactions', 'received', 6);
INSERT INTO public.ingestion VALUES ('outcomes', 'received', 1);
INSERT INTO public.ingestion VALUES ('outcomes', 'stored', 1);
INSERT INTO public.interactions VALUES ('crm', '0', 'a', 'meeting_held', 1767657600000000, 1768089600000000, NULL, 'web', NULL, NULL, '{"seconds":3}', '\xba269498f608a096f8a7531749d93f5a', 5);
INSERT INTO public.interactions VALUES ('crm', '1', 'a', 'page_view', 1767744000000000, 1768089600000000, NULL, 'web', NULL, NULL, '{"seconds":3}', '\xe669a2a442c8f1eefb6ffa77d2e5b5fd', 5);
INSERT INTO public.interactions VALUES ('crm', '2', 'b', 'meeting_held', 1767571200000000, 1768089600000000, NULL, 'web', NULL, NULL, '{"seconds":3}', '\xe76756edcab22007f4e6e65a957359b6', 5);
INSERT INTO public.interactions VALUES ('crm', '3', 'c', 'call_held', 1767830400000000, 1768089600000000, NULL, 'web', NULL, NULL, '{"seconds":3}', '\x4235840d5e7a3e2e5472f4d878acd6ba', 5);
INSERT INTO public.leadodds_store VALUES (2, '\xe74bd206087fcd2d29566cc6e55dcb99e2e2a3ea12729442a89df0fef8f1eb55', 11, 8);
INSERT INTO public.leads VALUES ('a', 1767312000000000, 'A');
INSERT INTO public.leads VALUES ('b', 1767398400000000, 'A');
INSERT INTO public.leads VALUES ('c', 1767484800000000, NULL);
INSERT INTO public.outcomes VALUES ('\xb6adfbb3e618773956d973694e5c1422', 'crm', 'c', 'converted', 1767916800000000, 1768089600000000, 50.5, 7);
INSERT INTO public.quarantine VALUES ('\x8552a339437da6f8a6da0bf1e08d0c18', 'crm', 'a', 'interactions', 'The same id came before with another content; both are kept, the first one counts.', '{"sent":{"channel":"web","interaction_id":"0","kind":"page_view","lead_id":"a","occurred_at":"2026-01-06T00:00:00Z","seconds":3}}', 1768089600000000);
INSERT INTO public.scores VALUES ('a', 1768176000000000, 'scored', 0.4687906266262437, NULL, NULL, 'A', 'sql', true, 1, NULL, 144, -1.9999999999999998, '[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"DE","points":0.49999999999999994,"direction":"raises"},{"feature":"has_budget","label":"Has a budget","value":"yes","points":0.24999999999999997,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":0.12499999999999978,"direction":"raises"}]', '[{"days":30.0,"probability":0.4687906266262437}]', 30, '1', 'a6387c641949', 1768262400000000);
INSERT INTO public.scores VALUES ('b', 1768176000000000, 'scored', 0.20181322226037884, NULL, NULL, 'B', 'sql', true, 2, NULL, 168, -1.9999999999999998, '[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"FR","points":-0.49999999999999994,"direction":"lowers"},{"feature":"account_count","label":"Interactions of the account","value":"3","points":0.12499999999999999,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":-1.1102230246251565e-16,"direction":"lowers"}]', '[{"days":30.0,"probability":0.20181322226037884}]', 30, '1', 'a6387c641949', 1768262400000000);
INSERT INTO public.scores VALUES ('c', 1768176000000000, 'converted', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '[]', 30, '1', 'a6387c641949', 1768262400000000);
ALTER TABLE ONLY public.account_changes
    ADD CONSTRAINT account_changes_pkey PRIMARY KEY (lead_id, sequence);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (score_id);
ALTER TABLE ONLY public.current_scores
    ADD CONSTRAINT current_scores_pkey PRIMARY KEY (lead_id);
ALTER TABLE ONLY public.erased
    ADD CONSTRAINT erased_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.ingestion
    ADD CONSTRAINT ingestion_pkey PRIMARY KEY (item, status);
ALTER TABLE ONLY public.interactions
    ADD CONSTRAINT interactions_pkey PRIMARY KEY (source, interaction_id);
ALTER TABLE ONLY public.leads
    ADD CONSTRAINT leads_pkey PRIMARY KEY (lead_id);
ALTER TABLE ONLY public.outcomes
    ADD CONSTRAINT outcomes_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.scores
    ADD CONSTRAINT scores_pkey PRIMARY KEY (lead_id, horizon_days, as_of, model_version);
CREATE INDEX attribute_changes_of_lead ON public.attribute_changes USING btree (lead_id, available_at);
CREATE INDEX current_scores_age ON public.current_scores USING btree (model_version, as_of) WHERE (worth IS NOT NULL);
CREATE INDEX current_scores_waiting ON public.current_scores USING btree (waiting_hours DESC, lead_id);
CREATE INDEX current_scores_worth ON public.current_scores USING btree (worth DESC, lead_id) WHERE (worth IS NOT NULL);
CREATE INDEX current_scores_written ON public.current_scores USING btree (scored_at, lead_id);
CREATE INDEX interactions_of_lead ON public.interactions USING btree (lead_id, occurred_at);
CREATE INDEX ix_account_changes_account_id ON public.account_changes USING btree (account_id);
CREATE INDEX ix_account_changes_sequence ON public.account_changes USING btree (sequence);
CREATE INDEX ix_attribute_changes_sequence ON public.attribute_changes USING btree (sequence);
CREATE INDEX ix_audit_lead_id ON public.audit USING btree (lead_id);
CREATE INDEX ix_interactions_sequence ON public.interactions USING btree (sequence);
CREATE INDEX ix_leads_account_id ON public.leads USING btree (account_id);
CREATE INDEX ix_outcomes_lead_id ON public.outcomes USING btree (lead_id);
CREATE INDEX ix_outcomes_sequence ON public.outcomes USING btree (sequence);
CREATE INDEX ix_quarantine_lead_id ON public.quarantine USING btree (lead_id);
CREATE INDEX scores_written ON public.scores USING btree (scored_at, lead_id);
