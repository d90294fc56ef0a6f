"""Names that systems give to columns, tables and kinds, in the main languages of Europe, for `--guess`.

Names are compared in small letters without accents, spaces and signs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# By role, the likeliest first.
_COLUMNS: Final = {
    "lead_id": """
        leadid id recordid prospectid leadnumber prospectnumber contactid kontaktid iddolead idlead
        idcontacto idcontato iddocontacto kundennummer leadnummer identifiant idprospect idcliente
        codigo codice customerid clientid userid lead prospect customer cliente kunde klant client
        contact contacto kontakt visitorid userpseudoid anonymousid dealid opportunityid
        opportunityname numero
    """,
    "created_at": """
        createdat created createdtime createddate createdate createdon creationdate datecreated
        criadoem datadecriacao datacriacao dataderegisto erstelltam erstellt erstelldatum angelegtam
        anlagedatum datedecreation creele fechadecreacion fechacreacion creadoel datacreazione
        creatoil datadicreazione aangemaaktop aanmaakdatum datautworzenia utworzono skapad oprettet
        signupdate engagedate registeredat submittedon dataentrada datadeentrada firstcontactdate
    """,
    "modified_at": """
        modifiedat modified modifiedtime modifiedon modifieddate lastmodified lastmodifieddate
        updatedat updated updatedon lastupdated lastactivity lastactivitydate lastactivitytime
        alteradoem modificadoem ultimaatividade geandertam letzteaktivitat modifiele
        datedemodification fechademodificacion datamodifica gewijzigdop exportedat
    """,
    "closed_at": """
        closedate closedat closeddate closedtime closingdate closed convertedat converteddate
        convertedtime converteddatetime conversiondate wontime wonon losttime datadefecho datafecho
        datadefechamento abschlussdatum geschlossenam datedecloture datedefermeture fechadecierre
        fechacierre datachiusura datadichiusura sluitingsdatum afgeslotenop datazamkniecia
    """,
    "status": """
        status leadstatus stage stagename dealstage lifecyclestage state outcome converted
        isconverted estado estadodolead etapa fase situacao phase statut etape stato stadium etap
        result resultado ergebnis resultat target y
    """,
    "kind": """
        kind type activitytype eventtype eventname event tasksubtype action calltype tipo
        tipodeatividade tipoatividade typ art aktivitat typedactivite tipodeactividad tipoattivita
        soort activiteit rodzaj channel canal kanal
    """,
    "occurred_at": """
        occurredat timestamp start starttime startdatetime callstarttime calltime from activitydate
        eventtime eventtimestamp datetime date time at duedate dateofcall data dataehora datahora
        inicio datum zeitpunkt beginn von fecha fechayhora heure dateheure orario tijdstip begin
        czas visitdate visitedon
    """,
    "account_id": """
        accountid account companyid company companyname accountname organization organisation
        empresa firma unternehmen societe entreprise azienda bedrijf associatedcompanyid organizacao
        spolka foretag
    """,
    "amount": """
        amount dealamount value dealvalue revenue expectedrevenue closevalue valor montante betrag
        umsatz montant importe importo bedrag kwota belopp
    """,
    "direction": "direction direcao richtung sens direccion direzione richting",
    "campaign": "campaign campaignname utmcampaign campanha kampagne campagne campana",
    "source": """
        source leadsource leadorigin origin utmsource utmmedium medium origem fonte fontedolead
        quelle herkunft origine provenance origen fuente bron zrodlo howdidyouhearabout referrer
        landingpage landingpageid originalsource
    """,
    "person": """
        name firstname lastname fullname nome apelido sobrenome vorname nachname prenom nom nombre
        apellido apellidos cognome voornaam achternaam imie nazwisko email emailaddress phone mobile
        telefone telemovel telefon handy telephone telefono movil cellulare telefoon address street
        morada endereco strasse adresse direccionpostal indirizzo adres contactname leadname
    """,
}
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {role: tuple(names.split()) for role, names in _COLUMNS.items()}
)
# Words in the name of a table of leads, the likeliest first.
_LEAD_TABLES: Final = """
    lead prospect contact contacto contato kontakt opportunit oportunidad pipeline deal negocio customer
    client kunde visitor person interessent
"""
LEAD_TABLES: Final = tuple(_LEAD_TABLES.split())
# Kinds of the vocabulary by words in names of other systems.
_KINDS: Final = (
    ("meeting_held", "meeting reuniao reunion besprechung termin riunione vergadering"),
    ("demo_held", "demo"),
    ("representative_visit", "visit besuch bezoek viewing"),
    ("webinar_attended", "webinar"),
    ("unsubscribed", "unsubscri abgemeldet desinscri cancelarsubscricao"),
    ("email_opened", "emailopen mailopen openedemail aberto geoffnet"),
    ("email_clicked", "emailclick mailclick clicked"),
    ("email_bounced", "emailbounce bounced"),
    ("email_replied", "emailrepl emailreceived incomingemail emailin mailreply"),
    ("email_sent", "email mail courriel correo"),
    ("call_inbound", "callin incomingcall inbound eingehend recebida"),
    ("call_missed", "missed noanswer notreached nichterreicht perdida"),
    ("call_voicemail", "voicemail mailbox"),
    (
        "call_outbound",
        "call outbound phone cellular chamada ligacao telefon anruf appel llamada chiamata telefoon",
    ),
    ("form_submitted", "form submission"),
    ("page_view", "pageview pagehit visitedpage"),
    ("content_downloaded", "download descarga"),
    ("chat", "chat whatsapp"),
    ("quote_sent", "quote proposal proposta angebot devis presupuesto preventivo"),
    ("task_scheduled", "task tarefa aufgabe tache tarea"),
)
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {word: kind for kind, words in _KINDS for word in words.split()}
)


def letters(name: str) -> str:
    """Gives the small letters and digits of a name, without accents.

    >>> letters("Data de Criação")
    'datadecriacao'
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in plain if each.isalnum() and each.isascii())


def rank_of(role: str, name: str) -> int | None:
    """Tells how likely a column has a role, by its name: 0 is the likeliest; None: its name says nothing."""
    names, own = COLUMNS[role], letters(name)
    return names.index(own) if own in names else None


def kind_of(text: str) -> str | None:
    """Finds the kind of the vocabulary that a text of another system probably means.

    >>> kind_of("Chamada telefónica"), kind_of("Fax")
    ('call_outbound', None)
    """
    own = letters(text)
    return next((kind for word, kind in KINDS.items() if word in own), None)


def slug(text: str) -> str:
    """Writes a text as a name of ours.

    >>> slug("Visita ao Local!")
    'visita_ao_local'
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = "".join(
        each if each.isalnum() and each.isascii() else " "
        for each in plain
        if not unicodedata.combining(each)
    )
    return "_".join(words.split()) or "other"
