"""The four CRMs, as far as scores are written to them; each rule names the page that states it."""

from __future__ import annotations

import csv
import io
import re
import xmlrpc.client
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.support.crm.server import Answer, Call, CrmServer

KEY = "pat-eu1-key"
RULE = "Score must not be changed on a locked record"


@dataclass
class HubSpotServer(CrmServer):
    """developers.hubspot.com/docs/api-reference, version 2026-03, read 2026-11."""

    properties: set[str] = field(default_factory=set)

    def answer(self, call: Call) -> Answer:
        # "Authorization: Bearer" with a service key; 401 with a message otherwise.
        if call.headers.get("authorization") != f"Bearer {KEY}":
            return Answer(401, {"status": "error", "message": "Authentication credentials not found"})
        if call.path == "/crm/properties/2026-03/contacts/groups":
            return Answer(201, call.json)
        if call.path == "/crm/properties/2026-03/contacts":
            return self._create(call)
        assert call.path == "/crm/objects/2026-03/contacts/batch/update"
        return self._update(call.json["inputs"])

    def _create(self, call: Call) -> Answer:
        # "Create a property": 409 where the name is taken; name, label, type, fieldType, groupName needed.
        assert {"name", "label", "type", "fieldType", "groupName"} <= call.json.keys()
        if call.json["name"] in self.properties:
            return Answer(409, {"message": "A property with this name exists"})
        self.properties.add(call.json["name"])
        return Answer(201, call.json)

    def _update(self, inputs: list[dict[str, Any]]) -> Answer:
        # "Limits": a batch has at most 100 records.
        if len(inputs) > 100:
            return Answer(
                400, {"message": "The maximum number of inputs is 100", "category": "VALIDATION_ERROR"}
            )
        # "Properties that do not exist will result in an error", of the whole batch.
        unknown = {name for own in inputs for name in own["properties"]} - self.properties
        if unknown:
            error = {"message": f'Property "{min(unknown)}" does not exist', "code": "PROPERTY_DOESNT_EXIST"}
            return Answer(400, {"message": "Property values were not valid", "errors": [error]})
        # A validation rule of the portal refuses the batch; it does not say which record.
        if any(own["id"] in self.refused for own in inputs):
            return Answer(400, {"message": RULE, "category": "VALIDATION_ERROR"})
        missing = [own["id"] for own in inputs if own["id"] not in self.records]
        for own in inputs:
            if own["id"] in self.records:
                assert all(isinstance(value, str) for value in own["properties"].values())
                self.records[own["id"]] |= own["properties"]
        if not missing:
            return Answer(200, {"status": "COMPLETE", "results": []})
        # "207 multiple statuses": errors with the ids in their context.
        error = {
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some CONTACT objects",
            "context": {"ids": missing},
        }
        return Answer(207, {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [error]})


@dataclass
class SalesforceServer(CrmServer):
    """Bulk API 2.0 and Bulk API Developer Guide, read 2026-11."""

    fields: set[str] = field(default_factory=set)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        if call.path == "/services/oauth2/token":
            # "OAuth 2.0 Client Credentials Flow": form, answered with access_token and instance_url.
            wanted = {"grant_type": "client_credentials", "client_id": "id", "client_secret": KEY}
            if call.form != wanted:
                return Answer(
                    400, {"error": "invalid_client", "error_description": "invalid client credentials"}
                )
            return Answer(200, {"access_token": self.new_token(), "instance_url": self.url})
        if not self.lets_in(call):
            # "Status Codes and Error Responses": a list of objects.
            return Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])
        base = "/services/data/v62.0"
        if call.path == f"{base}/tooling/sobjects/CustomField":
            return self._create(call.json["FullName"].removeprefix("Lead."))
        if call.path == f"{base}/jobs/ingest":
            # "Create a Job": state Open; an upsert needs externalIdFieldName.
            assert call.json["operation"] == "upsert"
            assert call.json["contentType"] == "CSV"
            job = {**call.json, "id": f"750{len(self.jobs)}", "state": "Open"}
            self.jobs[job["id"]] = job
            return Answer(200, job)
        found = re.fullmatch(rf"{base}/jobs/ingest/(\w+)(/.*)?", call.path)
        assert found is not None, call.path
        return self._of_job(call, self.jobs[found[1]], found[2])

    def _create(self, own: str) -> Answer:
        if own in self.fields:
            return Answer(
                400, [{"errorCode": "DUPLICATE_DEVELOPER_NAME", "message": "There is already a field"}]
            )
        self.fields.add(own)
        return Answer(201, {"id": own, "success": True, "errors": []})

    def _of_job(self, call: Call, job: dict[str, Any], rest: str | None) -> Answer:
        if rest == "/batches":
            # "Upload Job Data": once a job, text/csv, answered 201.
            assert call.headers["content-type"] == "text/csv"
            assert job["state"] == "Open"
            job["rows"] = list(csv.DictReader(io.StringIO(call.body.decode())))
            return Answer(201)
        if call.method == "PATCH":
            job["state"] = call.json["state"]
            return Answer(200, {"id": job["id"], "state": job["state"]})
        if rest is None:
            # "Job States": UploadComplete, InProgress, JobComplete.
            job["state"] = {"UploadComplete": "InProgress", "InProgress": "JobComplete"}.get(
                job["state"], job["state"]
            )
            if job["state"] == "JobComplete" and "failed" not in job:
                job["failed"] = self._work(job)
            return Answer(200, {"id": job["id"], "state": job["state"]})
        if rest == "/failedResults/":
            return Answer(200, job["failed"], "text/csv")
        assert rest == "/unprocessedrecords/"
        return Answer(200, (",".join(job["rows"][0]) + "\n").encode(), "text/csv")

    def _work(self, job: dict[str, Any]) -> bytes:
        own = job["externalIdFieldName"]
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow(["sf__Id", "sf__Error", *job["rows"][0]])
        for row in job["rows"]:
            unknown = set(row) - self.fields - {own}
            fault = f"INVALID_FIELD:{min(unknown)}" if unknown else ""
            if row[own] in self.refused:
                fault = f"FIELD_CUSTOM_VALIDATION_EXCEPTION:{RULE}"
            elif row[own] not in self.records:
                fault = "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id"
            if fault:
                out.writerow(["", fault, *row.values()])
                continue
            # "Empty field values are ignored; use #N/A to set a field to null."
            told = {
                name: None if value == "#N/A" else value
                for name, value in row.items()
                if value and name != own
            }
            self.records[row[own]] |= told
        return text.getvalue().encode()


@dataclass
class DynamicsServer(CrmServer):
    """learn.microsoft.com, Dataverse developer guide, read 2026-11."""

    columns: set[str] = field(default_factory=set)

    def answer(self, call: Call) -> Answer:
        if call.path == "/tenant-1/oauth2/v2.0/token":
            # Client credentials with the scope of the environment.
            assert call.form["scope"] == f"{self.url}/.default"
            if call.form["client_secret"] != KEY:
                return Answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215"})
            return Answer(200, {"access_token": self.new_token(), "expires_in": 3599})
        if not self.lets_in(call):
            return Answer(401)
        if "/EntityDefinitions" in call.path:
            return self._of_columns(call)
        return self._of_records(call)

    def _of_columns(self, call: Call) -> Answer:
        table = "/api/data/v9.2/EntityDefinitions(LogicalName='lead')/Attributes"
        if call.path.startswith(f"{table}("):
            name = call.path.split("'")[3]
            return (
                Answer(200, {"LogicalName": name})
                if name in self.columns
                else Answer(404, _dynamics("no column"))
            )
        assert call.path == table
        assert call.json["@odata.type"].startswith("Microsoft.Dynamics.CRM.")
        self.columns.add(call.json["SchemaName"].lower())
        return Answer(204)

    def _of_records(self, call: Call) -> Answer:
        action = call.path.rsplit(".", 1)[1]
        assert call.path == f"/api/data/v9.2/leads/Microsoft.Dynamics.CRM.{action}"
        targets = call.json["Targets"]
        # "You must specify the @odata.type annotation with every item."
        assert {own["@odata.type"] for own in targets} == {"Microsoft.Dynamics.CRM.lead"}
        ids = [self._id(own, action) for own in targets]
        for own in targets:
            told = {name for name in own if name not in ("@odata.type", "@odata.id", "leadid")}
            if told - self.columns:
                text = f"Could not find a property named '{min(told - self.columns)}' on type 'lead'"
                return Answer(400, _dynamics(text, "0x80048d19"))
        # "Standard tables: an error in one operation rolls back all of the request."
        if any(own in self.refused for own in ids):
            return Answer(400, _dynamics(RULE))
        if action == "UpdateMultiple" and any(own not in self.records for own in ids):
            return Answer(404, _dynamics("Entity 'lead' With Id Does Not Exist"))
        for own, target in zip(ids, targets, strict=True):
            told = {name: value for name, value in target.items() if name in self.columns}
            self.records.setdefault(own, {}).update(told)
        return Answer(204)

    def _id(self, target: dict[str, Any], action: str) -> str:
        if action == "UpdateMultiple":
            return str(target["leadid"])
        found = re.fullmatch(r"leads\(new_crm_lead_id='(.*)'\)", unquote(target["@odata.id"]))
        assert found is not None
        return found[1].replace("''", "'")


def _dynamics(text: str, code: str = "0x80040265") -> dict[str, Any]:
    return {"error": {"code": code, "message": text}}


@dataclass
class OdooServer(CrmServer):
    """odoo.com/documentation: 19.0 External JSON-2 API, 18.0 External API; `BaseModel.load`; read 2026-11."""

    fields: set[str] = field(default_factory=set)

    def answer(self, call: Call) -> Answer:
        if call.path.startswith("/xmlrpc/2/"):
            return self._xml(call)
        if call.headers.get("authorization") != f"bearer {KEY}":
            return Answer(401, {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"})
        found = re.fullmatch(r"/json/2/([\w.]+)/(\w+)", call.path)
        assert found is not None
        return Answer(200, self._run(found[1], found[2], call.json))

    def _xml(self, call: Call) -> Answer:
        arguments, method = xmlrpc.client.loads(call.body)
        if method == "authenticate":
            database, user, key, _ = arguments
            returned: Any = 7 if (database, user, key) == ("shop", "api", KEY) else False
        else:
            assert method == "execute_kw"
            database, user, key, model, name, places, further = arguments
            assert (database, user, key) == ("shop", 7, KEY)
            named = {"vals_list": places[0]} if name == "create" else {}
            returned = self._run(model, name, {**further, **named})
        return Answer(
            200, xmlrpc.client.dumps((returned,), methodresponse=True, allow_none=True).encode(), "text/xml"
        )

    def _run(self, model: str, method: str, arguments: dict[str, Any]) -> Any:
        if (model, method) == ("ir.model", "search_read"):
            return [{"id": 40}]
        if (model, method) == ("ir.model.fields", "search_read"):
            return [{"id": 1, "name": name} for name in sorted(self.fields)]
        if (model, method) == ("ir.model.fields", "create"):
            self.fields |= {column["name"] for column in arguments["vals_list"]}
            return [1]
        assert (model, method) == ("crm.lead", "load")
        return self._load(arguments)

    def _load(self, arguments: dict[str, Any]) -> Any:
        """Writes all rows, or none of them and says which are at fault."""
        own, *names = arguments["fields"]
        assert own == ".id"
        unknown = set(names) - self.fields
        if unknown:
            return {
                "ids": False,
                "messages": [{"type": "error", "message": f"No such field '{min(unknown)}'"}],
            }
        messages = []
        for place, (lead_id, *cells) in enumerate(arguments["data"]):
            assert all(cell is False or isinstance(cell, str) for cell in cells)
            fault = (
                RULE
                if lead_id in self.refused
                else ""
                if lead_id in self.records
                else "No matching record found"
            )
            if fault:
                messages.append(
                    {"type": "error", "message": fault, "rows": {"from": place, "to": place}, "record": place}
                )
        if messages:
            return {"ids": False, "messages": messages}
        for lead_id, *cells in arguments["data"]:
            self.records[lead_id] |= dict(zip(names, cells, strict=True))
        return {"ids": [1] * len(arguments["data"]), "messages": []}
