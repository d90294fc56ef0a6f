"""Names that systems give to columns, tables and kinds, in the main languages of Europe, for `--guess`.

Names are compared in small letters without accents, spaces and signs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

# By role, the likeliest first.
_COLUMNS: Final = {
    "lead_id": """
        leadid id recordid prospectid leadnumber prospectnumber contactid kontaktid iddolead idlead
        idcontacto idcontato iddocontacto kundennummer leadnummer identifiant idprospect idcliente
        codigo codice customerid clientid userid lead prospect customer cliente kunde klant client
        contact contacto kontakt visitorid userpseudoid anonymousid dealid opportunityid
        opportunityname numero interessentennr leadnr numerleada iddelead klantnummer
        リードid 顧客id 見込み客id レコード番号 顧客番号 distinctid personid memberid subscriberid
        membreid interessent
        interessentennummer prospectno leadno customerno
        datensatzid 客户编号 客户id 고객번호 고객id
    """,
    "created_at": """
        createdat created createdtime createddate createdate createdon creationdate datecreated
        criadoem datadecriacao datacriacao dataderegisto erstelltam erstellt erstelldatum angelegtam
        anlagedatum datedecreation creele fechadecreacion fechacreacion creadoel datacreazione
        creatoil datadicreazione aangemaaktop aanmaakdatum datautworzenia utworzono skapad oprettet
        作成日時 作成日 登録日 登録日時 erfasstam eingangsdatum ingevoerdop fechadealta
        signupdate engagedate registeredat submittedon dataentrada datadeentrada firstcontactdate
        cdate dateentered timestampsignup createtime inserted insertedat datecreation ajoutele
        addtime createtime dealcreated leadcreated contactcreated
        eingang eingangam eingegangenam
        creadoen registrationdate enquirydate inquirydate requestdate entrydate
        erstellungsdatum 创建时间 创建日期 생성일 등록일 생성일시 등록일시
    """,
    "modified_at": """
        modifiedat modified modifiedtime modifiedon modifieddate lastmodified lastmodifieddate
        updatedat updated updatedon lastupdated lastactivity lastactivitydate lastactivitytime
        alteradoem modificadoem ultimaatividade geandertam letzteaktivitat modifiele
        datedemodification fechademodificacion datamodifica gewijzigdop exportedat udate mdate edate
        adate updatetime datemodified dateupdated lastchanged lastcontacted lastcontactedtime lastseen
        lastcontacteddate sinkcreatedon sinkmodifiedon synceddat fivetransynced lastupdatedat
        serveruploadtime serverreceivedtime clientuploadtime processedtime etltstamp dvcecreatedtstamp
        dvcesenttstamp 更新日時 更新日 最終更新日時 最終更新日
    """,
    "closed_at": """
        closedate closedat closeddate closedtime closingdate closed convertedat converteddate
        convertedtime converteddatetime conversiondate wontime wonon losttime datadefecho datafecho
        クローズ日 受注日 失注日 契約日 成約日 完了予定日 fechadoem datadefechamento
        abschluss abschlussdatum geschlossenam abgeschlossenam datedecloture datedefermeture
        datedesignature signele decisiondate actualclosedate unqualifiedat disqualifiedat
        lostdate losson datewon datelost wondate fechadecierre
        fechacierre datachiusura datadichiusura sluitingsdatum afgeslotenop datazamkniecia
        成交时间 成交日期 签约时间 계약일 완료일
    """,
    "status": """
        status leadstatus stage stagename dealstage lifecyclestage state outcome converted
        isconverted estado estadodolead etapa fase situacao phase statut etape stato stadium etap
        ステータス 状態 ステージ フェーズ 商談フェーズ zustand stand
        result resultado ergebnis resultat target y statuslabel statustype statecode disposition
        callresult calloutcome won iswon sold issold purchased bought isclosed closed
        客户状态 线索状态 销售阶段 상태 단계
    """,
    "kind": """
        kind type activitytype eventtype eventname event tasksubtype action calltype tipo
        tipodeatividade tipoatividade typ art aktivitatsart aktivitatstyp kontaktart aktivitat
        typedactivite tipodeactividad tipoattivita
        typename activitytypename eventtypename
        種別 種類 活動種別 活動タイプ soort activiteit rodzaj activitytypeid activitytypecode typeid
        eventtypeid what was channel canal kanal
        跟进方式 跟进类型 활동유형 유형
    """,
    "occurred_at": """
        occurredat timestamp start starttime startdatetime callstarttime calltime from activitydate
        eventtime eventtimestamp markedasdonetime collectortstamp datetime date time at duedate
        dateofcall data dataehora datahora
        inicio datum zeitpunkt beginn von fecha fechayhora heure dateheure orario tijdstip begin
        日時 実施日 活動日 開始日時 czas visitdate visitedon activityat madeat when tstamp startdate
        datestart actualstart actualend scheduledstart performedat loggedat sentat completedat
        跟进时间 跟进日期 활동일 활동일시
    """,
    "account_id": """
        accountid account companyid company companyname accountname organization organisation
        empresa firma unternehmen societe entreprise azienda bedrijf associatedcompanyid organizacao
        spolka foretag 会社名 会社 取引先 取引先名
    """,
    "amount": """
        amount dealamount value dealvalue revenue expectedrevenue closevalue valor montante betrag
        umsatz montant montantht importe importo bedrag kwota belopp ordervalue dealsize
        auftragswert auftragsvolumen dealwert vertragswert kaufpreis valorunico valordonegocio valordavenda
        coursefee fee contractvalue saleprice
        actualvalue actualrevenue estimatedvalue dealexpectedvalue erwarteterumsatz total price preis
        金額 受注金額 契約金額
        monto monton importetotal 合同金额 成交金额 금액 계약금액
    """,
    "direction": "direction direcao richtung sens direccion direzione richting",
    "incoming": "incoming inbound isincoming isinbound eingehend entrant recebida",
    "field": """
        field fieldname attribute attributename property propertyname columnname changedfield feld
        feldname champ campo fieldlabel
    """,
    "new_value": """
        newvalue aftervaluestring aftervalue valueafter newvaluechar newvaluetext tovalue neuerwert
        nouvellevaleur valornovo valornuevo
    """,
    "old_value": """
        oldvalue beforevaluestring beforevalue valuebefore oldvaluechar oldvaluetext fromvalue
        previousvalue alterwert anciennevaleur valorantigo valoranterior
    """,
    "anonymous": """
        anonymousid deviceid visitorid cookieid clientid userpseudoid domainuserid anonid
        anondistinctid visitor cookie previousid mergedid
    """,
    "value": """
        duration durationminutes durationseconds minutes minuten dauer dauermin duree duracion duracao
        callduration callduratio calldurationinseconds length durationinseconds actualdurationminutes
    """,
    "campaign": "campaign campaignname utmcampaign campanha kampagne campagne campana",
    "source": """
        source leadsource leadorigin origin utmsource utmmedium medium origem fonte fontedolead
        quelle herkunft origine provenance origen fuente bron zrodlo howdidyouhearabout referrer
        流入元 流入経路 リードソース 経路 landingpage landingpageid originalsource
    """,
    "full_name": """
        name fullname leadname contactname displayname nomcomplet nombrecompleto nomecompleto
        ansprechpartner contact 氏名 名前 顧客名
        客户名称 联系人 고객명
    """,
    "first_name": "firstname fname givenname vorname prenom nombre nome voornaam imie",
    "last_name": """
        lastname lname surname familyname nachname nom apellidos apellido sobrenome cognome
        achternaam nazwisko
    """,
    "company": """
        company companyname organization organisation organizationname organisationname orgname
        accountname account empresa firma unternehmen societe entreprise azienda bedrijf 会社名 会社
        unternehmensname 公司名称 회사명
    """,
    "owner": """
        owner ownername leadowner contactowner salesowner accountowner dealowner assignedto rep
        salesrep salesperson agent zustandigermitarbeiter zustandig bearbeiter betreuer verantwortlich
        besitzer vertriebsmitarbeiter
        proprietaire commercial propietario responsable responsavel proprietario eigenaar username
        担当者 担当 営業担当 営業担当者
        vendedor vendedorasignado asignadoa opiekun handlowiec 负责人 销售 담당자
    """,
    "person": """
        fname lname displayname surname
        name firstname lastname fullname nome apelido sobrenome vorname nachname prenom nom nombre
        氏名 名前 電話番号 メールアドレス naam ansprechpartner apellido
        顧客名
        apellidos cognome voornaam achternaam imie nazwisko email emailaddress phone mobile
        telefone telemovel telefon handy telephone telefono movil cellulare telefoon address street
        morada endereco strasse adresse direccionpostal indirizzo adres contactname leadname
        客户名称 联系人 고객명
    """,
}
# Words in the name of a table of leads, the likeliest first.
_LEAD_TABLES: Final = """
    lead prospect contact contacto contato kontakt opportunit oportunidad pipeline deal negocio negociac
    customer
    client kunde visitor person interessent piste リード 見込み客 顧客 member subscriber enquir
    inquir anfrage demande application applicant bewerb user account klien 客户 线索 고객
"""
# Kinds of the vocabulary by words in names of other systems.
_KINDS: Final = (
    ("pricing_page_view", "pricingview viewedpricing pricingpage preisseite"),
    (
        "page_view",
        "pageview pagehit visitedpage visitwebpage webvisit webseitenbesuch viewedpage websitevisit",
    ),
    ("demo_requested", "demorequest requestdemo bookdemo demobook demoanfrage"),
    ("demo_held", "demo"),
    ("meeting_booked", "meetingbook bookedmeeting invitee terminvereinbart"),
    ("call_missed", "missed noanswer notreached nichterreicht perdida naoatendeu"),
    ("call_voicemail", "voicemail mailbox"),
    (
        "meeting_held",
        "meeting appointment reuniao reunion besprechung termin riunione vergadering rendezvous "
        "spotkanie 会议 会面 미팅 회의 面談 商談 打合 打ち合わせ ミーティング",
    ),
    ("representative_visit", "visit besuch besichtigung bezoek viewing wizyta 訪問 拜访 방문"),
    ("webinar_registered", "webinarregist registeredforwebinar"),
    ("webinar_attended", "webinar"),
    ("unsubscribed", "unsub abgemeldet desinscri cancelarsubscricao"),
    ("email_opened", "emailopen mailopen openemail openedemail aberto geoffnet ouvert abierto"),
    ("email_clicked", "emailclick mailclick clickemail clicked"),
    ("email_bounced", "emailbounce bounce"),
    ("email_replied", "emailrepl emailreceived incomingemail emailin mailreply"),
    ("email_sent", "email mail courriel correo メール 邮件 이메일 메일"),
    ("call_inbound", "callin incomingcall inbound eingehend recebida"),
    (
        "call_outbound",
        "call outbound phone cellular chamada ligacao telefon anruf appel llamada chiamata rozmowa "
        "電話 电话 전화",
    ),
    ("form_submitted", "form submission"),
    ("content_downloaded", "download descarga"),
    ("chat", "chat whatsapp 微信 카카오톡"),
    ("trial_started", "trialstart startedtrial starttrial"),
    ("quote_requested", "quoterequest requestquote angebotsanfrage"),
    ("quote_sent", "quote proposal proposta angebot devis presupuesto preventivo"),
    ("task_scheduled", "task tarefa aufgabe tache tarea タスク"),
)


def letters(name: str) -> str:
    """Gives the small letters and digits of a name, without accents.

    >>> letters("Data de Criação")
    'datadecriacao'
    """
    return "".join(each for each in _plain(name) if each.isalnum())


def _plain(text: str) -> str:
    """Gives a text in small letters without accents, of whatever alphabet."""
    parts = unicodedata.normalize("NFKD", text.casefold().translate(_STROKES))
    return "".join(each for each in parts if not unicodedata.combining(each))


# Letters with a stroke, which are not an accent to Unicode.
_STROKES: Final = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {role: tuple(map(letters, names.split())) for role, names in _COLUMNS.items()}
)
LEAD_TABLES: Final = tuple(map(letters, _LEAD_TABLES.split()))
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {letters(word): kind for kind, words in _KINDS for word in words.split()}
)
# Words of states that close a lead, or leave it open.
_STATE_WORDS: Final = """
    won lost closedwon closedlost converted unqualified disqualified gewonnen verloren offen ganado perdido
    abierto ganho aberto gagne perdu ouvert vinto perso aperto wygrany wygrana przegrany przegrana otwarty
    vunnet tapt vunnen forlorad vundet tabt 成約 受注 失注 対応中 商談中 成交 流失
    已成交 已流失 跟进中 성공 실패 sold dead
    qualified customer notinterested signe encours inbearbeitung abandoned vendido vendida perdido perdida
    ganha ganada vinta persa gagnee perdue abgesagt abgeschlossen enrolled declined rejected
"""
_STATES: Final = frozenset(map(letters, _STATE_WORDS.split()))


# Words at the end of a name, or at its beginning, that say by themselves what a column is: `Enquiry Stage`.
_LAST_WORDS: Final = {"status": "status stage phase", "owner": "owner", "full_name": "name", "person": "name"}
_FIRST_WORDS: Final = {
    "status": "etapa situacao estagio statut fase stato resultado",
    "owner": "responsavel responsable responsabile zustandige zustandiger proprietario propietario",
    "full_name": "nome nombre nom name naam",
    "person": "nome nombre nom name naam",
}
# Words beside them by which they say something else.
_OTHER_WORDS: Final = """
    marital employment email payment housing subscription delivery verification sync civil matrimonial
    id changed change since time date at on am em hora data datum
"""
_PEOPLE: Final = """
    contact contacts contato contacto kontakt kontakts client cliente kunde kunden customer lead leads
    prospect prospecto prospectos interesado interessent interessenten person pessoa persona
    klant visitor applicant
"""


def rank_of(role: str, name: str) -> int | None:
    """Tells how likely a column has a role, by its name: 0 is the likeliest; None: its name says nothing.

    >>> rank_of("status", "Status"), rank_of("owner", "Birthday"), rank_of("status", "Marital status")
    (0, None, None)
    """
    names, own = COLUMNS[role], letters(name)
    if own in names:
        return names.index(own)
    return len(names) if role in _LAST_WORDS and _has_telling_word(role, name) else None


def _has_telling_word(role: str, name: str) -> bool:
    """Tells whether one word of a name says that a column has a role; a name has to be one of a person."""
    words = _words(name)
    is_told = words[1:] and (words[-1] in _LAST_WORDS[role].split() or words[0] in _FIRST_WORDS[role].split())
    if not is_told or {*words} & {*_OTHER_WORDS.split()}:
        return False
    return role in ("status", "owner") or bool({*words} & {*_PEOPLE.split()})


# Words that mean a kind where nothing else stands beside them: what e-mail systems call what they log.
_WHOLE: Final = MappingProxyType(
    {
        **dict.fromkeys(("open", "opened", "opens"), "email_opened"),
        **dict.fromkeys(("click", "clicked", "clicks"), "email_clicked"),
        **dict.fromkeys(("send", "sent", "delivered"), "email_sent"),
        **dict.fromkeys(("reply", "replied"), "email_replied"),
        # Tables of web analytics, and what they note by themselves, which is no visit of a representative.
        "pages": "page_view",
        "screens": "screen_view",
        "firstvisit": "first_visit",
        "sessionstart": "session_start",
    }
)
# Parts of words by which a message or call came in.
_INCOMING: Final = (
    *("incoming", "inbound", "receiv", "eingehend", "eingang", "empfang", "erhalten", "recebid", "recibid"),
    *("ricevut", "ontvangen", "otrzyman", "entrant", "entrada", "受信", "着信"),
)
_INCOMING_KINDS: Final = MappingProxyType({"email_sent": "email_replied", "call_outbound": "call_inbound"})
# Words with `form` in them that are no forms.
_NO_FORMS: Final = re.compile("inform|perform|platform|transform")


def kind_of(text: str) -> str | None:
    """Finds the kind of the vocabulary that a text of another system probably means.

    >>> kind_of("Chamada telefónica"), kind_of("打ち合わせ"), kind_of("Fax"), kind_of("E-Mail (eingehend)")
    ('call_outbound', 'meeting_held', None, 'email_replied')
    """
    own = letters(text)
    searched = _NO_FORMS.sub("", own)
    found = _WHOLE.get(own) or next((kind for word, kind in KINDS.items() if word in searched), None)
    came_in = any(word in own for word in _INCOMING)
    return _INCOMING_KINDS.get(found, found) if found is not None and came_in else found


def are_states(texts: Iterable[str]) -> bool:
    """Tells whether values of a column say how leads stand: two of them, or all, are words for that.

    >>> are_states(["Gagné", "Perdu", "?"]), are_states(["Web", "Lost"]), are_states(["won"])
    (True, False, True)
    """
    words = [letters(text) in _STATES for text in texts]
    return sum(words) > 1 or (bool(words) and all(words))


# Words of names of tables and events that are sales.
_SALES: Final = """
    order orders purchase purchases conversion conversions contract contracts invoice invoices subscription
    bestellung bestellungen auftrage vertrage pedido pedidos compra compras venda vendas contrato contratos
    commande commandes vente ventes contrat contrats ordine ordini vendite checkout transaction transactions
"""


def may_be_sale(text: str) -> bool:
    """Tells whether a word of a name of a table or an event is one of a sale.

    >>> may_be_sale("Order Completed"), may_be_sale("border_crossed")
    (True, False)
    """
    return bool({*_words(text)} & {*_SALES.split()})


def _words(text: str) -> list[str]:
    return [letters(word) for word in re.split(r"[\W_]+", text) if word]


def slug(text: str) -> str:
    """Writes a text as a name of ours.

    >>> slug("Visita ao Local!")
    'visita_ao_local'
    """
    words = "".join(each if each.isalnum() else " " for each in _plain(text))
    return "_".join(words.split()) or "other"
