-- Written by the service at version 2 of its database, before there were migrations.
CREATE TABLE account_changes (
	lead_id TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	account_id TEXT,
	PRIMARY KEY (lead_id, sequence)
);
INSERT INTO "account_changes" VALUES('a',1,'A');
INSERT INTO "account_changes" VALUES('b',2,'A');
INSERT INTO "account_changes" VALUES('c',3,NULL);
CREATE TABLE api_keys (
	key_id TEXT NOT NULL,
	name TEXT NOT NULL,
	scopes TEXT NOT NULL,
	hash BLOB NOT NULL,
	requests_per_second DOUBLE,
	created_at BIGINT NOT NULL,
	expires_at BIGINT,
	revoked_at BIGINT,
	PRIMARY KEY (key_id)
);
INSERT INTO "api_keys" VALUES('73871258f0a6','crm','score,write',X'737BF277D9CB9EDB4790BB3DBC71623B9CCDC24C2AB0A64669A51222EC054B51',NULL,1768262400000000,NULL,NULL);
CREATE TABLE attribute_changes (
	lead_id TEXT NOT NULL,
	attribute TEXT NOT NULL,
	type TEXT,
	value TEXT,
	available_at BIGINT NOT NULL,
	sequence BIGINT NOT NULL
);
INSERT INTO "attribute_changes" VALUES('a','country','category','DE',1768089600000000,1);
INSERT INTO "attribute_changes" VALUES('a','has_budget','boolean','true',1768089600000000,1);
INSERT INTO "attribute_changes" VALUES('a','size','number','12',1768089600000000,1);
INSERT INTO "attribute_changes" VALUES('b','country','category','FR',1768089600000000,2);
INSERT INTO "attribute_changes" VALUES('b','source','category','web',1768089600000000,2);
CREATE TABLE audit (
	score_id TEXT NOT NULL,
	lead_id TEXT NOT NULL,
	as_of BIGINT NOT NULL,
	horizon_days DOUBLE NOT NULL,
	reasons TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	model_version TEXT NOT NULL,
	feature_set TEXT NOT NULL,
	scored_at BIGINT NOT NULL,
	status TEXT NOT NULL,
	probability DOUBLE,
	probability_low DOUBLE,
	probability_high DOUBLE,
	base_log_odds DOUBLE,
	digest BLOB NOT NULL,
	PRIMARY KEY (score_id)
);
INSERT INTO "audit" VALUES('01a22b8740a9b63213e0d9aa1eaf0815','a',1768176000000000,30.0,'3',9,'1','a6387c641949',1768176000000000,'scored',4.68790626626243711605e-01,NULL,NULL,-1.99999999999999977795e+00,X'3C9E37D8AAED409704EE3877074580DB');
CREATE TABLE current_scores (
	lead_id TEXT NOT NULL,
	as_of BIGINT NOT NULL,
	status TEXT NOT NULL,
	probability DOUBLE,
	probability_low DOUBLE,
	probability_high DOUBLE,
	band TEXT,
	stage TEXT,
	prospect BOOLEAN,
	rank BIGINT,
	expected_value DOUBLE,
	waiting_hours DOUBLE,
	base_log_odds DOUBLE,
	reasons TEXT NOT NULL,
	curve TEXT NOT NULL,
	horizon_days DOUBLE NOT NULL,
	model_version TEXT NOT NULL,
	feature_set TEXT NOT NULL,
	scored_at BIGINT NOT NULL,
	worth DOUBLE,
	created_at BIGINT NOT NULL,
	account_id TEXT,
	source TEXT,
	words TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	PRIMARY KEY (lead_id)
);
INSERT INTO "current_scores" VALUES('a',1768176000000000,'scored',4.68790626626243711605e-01,NULL,NULL,'A','sql',1,NULL,NULL,144.0,-1.99999999999999977795e+00,'[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"DE","points":0.49999999999999994,"direction":"raises"},{"feature":"has_budget","label":"Has a budget","value":"yes","points":0.24999999999999997,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":0.12499999999999978,"direction":"raises"}]','[{"days":30.0,"probability":0.4687906266262437}]',30.0,'1','a6387c641949',1768176000000000,4.68790626626243711605e-01,1767312000000000,'A',NULL,'a
a
de',8);
INSERT INTO "current_scores" VALUES('b',1768176000000000,'scored',2.0181322226037884393e-01,NULL,NULL,'B','sql',1,NULL,NULL,168.0,-1.99999999999999977795e+00,'[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"FR","points":-0.49999999999999994,"direction":"lowers"},{"feature":"account_count","label":"Interactions of the account","value":"3","points":0.12499999999999999,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":-1.1102230246251565e-16,"direction":"lowers"}]','[{"days":30.0,"probability":0.20181322226037884}]',30.0,'1','a6387c641949',1768176000000000,2.0181322226037884393e-01,1767398400000000,'A','web','b
a
fr
web',8);
INSERT INTO "current_scores" VALUES('c',1768176000000000,'converted',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]',30.0,'1','a6387c641949',1768176000000000,NULL,1767484800000000,NULL,NULL,'c
',8);
CREATE TABLE erased (
	hash BLOB NOT NULL,
	erased_at BIGINT NOT NULL,
	PRIMARY KEY (hash)
);
INSERT INTO "erased" VALUES(X'B5BF815B5AA5E4CBB1461777653209C6',1768176000000000);
INSERT INTO "erased" VALUES(X'EAFBB587036F0DD65CEDDF4C74806E8F',1768176000000000);
CREATE TABLE ingestion (
	item TEXT NOT NULL,
	status TEXT NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (item, status)
);
INSERT INTO "ingestion" VALUES('interactions','received',6);
INSERT INTO "ingestion" VALUES('interactions','stored',5);
INSERT INTO "ingestion" VALUES('interactions','quarantined',1);
INSERT INTO "ingestion" VALUES('outcomes','received',1);
INSERT INTO "ingestion" VALUES('outcomes','stored',1);
CREATE TABLE interactions (
	source TEXT NOT NULL,
	interaction_id TEXT NOT NULL,
	lead_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	occurred_at BIGINT NOT NULL,
	available_at BIGINT NOT NULL,
	direction TEXT,
	channel TEXT,
	campaign TEXT,
	value DOUBLE,
	further TEXT,
	content BLOB NOT NULL,
	sequence BIGINT NOT NULL,
	PRIMARY KEY (source, interaction_id)
);
INSERT INTO "interactions" VALUES('crm','0','a','meeting_held',1767657600000000,1768089600000000,NULL,'web',NULL,NULL,'{"seconds":3}',X'BA269498F608A096F8A7531749D93F5A',5);
INSERT INTO "interactions" VALUES('crm','1','a','page_view',1767744000000000,1768089600000000,NULL,'web',NULL,NULL,'{"seconds":3}',X'E669A2A442C8F1EEFB6FFA77D2E5B5FD',5);
INSERT INTO "interactions" VALUES('crm','2','b','meeting_held',1767571200000000,1768089600000000,NULL,'web',NULL,NULL,'{"seconds":3}',X'E76756EDCAB22007F4E6E65A957359B6',5);
INSERT INTO "interactions" VALUES('crm','3','c','call_held',1767830400000000,1768089600000000,NULL,'web',NULL,NULL,'{"seconds":3}',X'4235840D5E7A3E2E5472F4D878ACD6BA',5);
CREATE TABLE leadodds_store (
	version INTEGER NOT NULL,
	salt BLOB NOT NULL,
	sequence BIGINT NOT NULL,
	rescored BIGINT NOT NULL
);
INSERT INTO "leadodds_store" VALUES(2,X'E67B4C98AD0F72E98868CB358C61A959D83BB07441CD21076A28D5CA427A45CD',11,8);
CREATE TABLE leads (
	lead_id TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	account_id TEXT,
	PRIMARY KEY (lead_id)
);
INSERT INTO "leads" VALUES('a',1767312000000000,'A');
INSERT INTO "leads" VALUES('b',1767398400000000,'A');
INSERT INTO "leads" VALUES('c',1767484800000000,NULL);
CREATE TABLE outcomes (
	"key" BLOB NOT NULL,
	source TEXT NOT NULL,
	lead_id TEXT NOT NULL,
	outcome TEXT NOT NULL,
	occurred_at BIGINT NOT NULL,
	available_at BIGINT NOT NULL,
	amount DOUBLE,
	sequence BIGINT NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "outcomes" VALUES(X'B6ADFBB3E618773956D973694E5C1422','crm','c','converted',1767916800000000,1768089600000000,50.5,7);
CREATE TABLE quarantine (
	"key" BLOB NOT NULL,
	source TEXT NOT NULL,
	lead_id TEXT NOT NULL,
	item TEXT NOT NULL,
	reason TEXT NOT NULL,
	body TEXT NOT NULL,
	received_at BIGINT NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "quarantine" VALUES(X'8552A339437DA6F8A6DA0BF1E08D0C18','crm','a','interactions','The same id came before with another content; both are kept, the first one counts.','{"sent":{"channel":"web","interaction_id":"0","kind":"page_view","lead_id":"a","occurred_at":"2026-01-06T00:00:00Z","seconds":3}}',1768089600000000);
CREATE TABLE scores (
	lead_id TEXT NOT NULL,
	as_of BIGINT NOT NULL,
	status TEXT NOT NULL,
	probability DOUBLE,
	probability_low DOUBLE,
	probability_high DOUBLE,
	band TEXT,
	stage TEXT,
	prospect BOOLEAN,
	rank BIGINT,
	expected_value DOUBLE,
	waiting_hours DOUBLE,
	base_log_odds DOUBLE,
	reasons TEXT NOT NULL,
	curve TEXT NOT NULL,
	horizon_days DOUBLE NOT NULL,
	model_version TEXT NOT NULL,
	feature_set TEXT NOT NULL,
	scored_at BIGINT NOT NULL,
	PRIMARY KEY (lead_id, horizon_days, as_of, model_version)
);
INSERT INTO "scores" VALUES('a',1768176000000000,'scored',4.68790626626243711605e-01,NULL,NULL,'A','sql',1,1,NULL,144.0,-1.99999999999999977795e+00,'[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"DE","points":0.49999999999999994,"direction":"raises"},{"feature":"has_budget","label":"Has a budget","value":"yes","points":0.24999999999999997,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":0.12499999999999978,"direction":"raises"}]','[{"days":30.0,"probability":0.4687906266262437}]',30.0,'1','a6387c641949',1768262400000000);
INSERT INTO "scores" VALUES('b',1768176000000000,'scored',2.0181322226037884393e-01,NULL,NULL,'B','sql',1,2,NULL,168.0,-1.99999999999999977795e+00,'[{"feature":"meetings_count","label":"Meetings held","value":"1","points":0.9999999999999999,"direction":"raises"},{"feature":"country","label":"Country","value":"FR","points":-0.49999999999999994,"direction":"lowers"},{"feature":"account_count","label":"Interactions of the account","value":"3","points":0.12499999999999999,"direction":"raises"},{"feature":"other","label":"Everything else","value":null,"points":-1.1102230246251565e-16,"direction":"lowers"}]','[{"days":30.0,"probability":0.20181322226037884}]',30.0,'1','a6387c641949',1768262400000000);
INSERT INTO "scores" VALUES('c',1768176000000000,'converted',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]',30.0,'1','a6387c641949',1768262400000000);
CREATE INDEX ix_leads_account_id ON leads (account_id);
CREATE INDEX ix_attribute_changes_sequence ON attribute_changes (sequence);
CREATE INDEX attribute_changes_of_lead ON attribute_changes (lead_id, available_at);
CREATE INDEX interactions_of_lead ON interactions (lead_id, occurred_at);
CREATE INDEX ix_interactions_sequence ON interactions (sequence);
CREATE INDEX ix_outcomes_lead_id ON outcomes (lead_id);
CREATE INDEX ix_outcomes_sequence ON outcomes (sequence);
CREATE INDEX ix_account_changes_sequence ON account_changes (sequence);
CREATE INDEX ix_account_changes_account_id ON account_changes (account_id);
CREATE INDEX ix_quarantine_lead_id ON quarantine (lead_id);
CREATE INDEX scores_written ON scores (scored_at, lead_id);
CREATE INDEX current_scores_list ON current_scores (worth DESC, lead_id, waiting_hours, band, stage, probability, source, words) WHERE worth IS NOT NULL;
CREATE INDEX current_scores_waiting ON current_scores (waiting_hours DESC, lead_id);
CREATE INDEX current_scores_written ON current_scores (scored_at, lead_id);
CREATE INDEX current_scores_age ON current_scores (model_version, as_of) WHERE worth IS NOT NULL;
CREATE INDEX ix_audit_lead_id ON audit (lead_id);
