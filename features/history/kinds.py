"""The built-in vocabulary: kinds of interactions, their usual direction, and the groups the stages use.

The set is open: a company's own kinds are computed in the same way, and can be mapped to the built-in kinds
of the same meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.history.lead_history import INBOUND, NO_DIRECTION, OUTBOUND

# Usual direction of each built-in kind. Inbound: the lead contacts the company. Outbound: the company
# contacts the lead.
DIRECTION_OF_KIND: Final[Mapping[str, int]] = MappingProxyType(
    {
        "page_view": INBOUND,
        "pricing_page_view": INBOUND,
        "blog_view": INBOUND,
        "newsletter_subscribed": INBOUND,
        "unsubscribed": INBOUND,
        "ad_clicked": INBOUND,
        "content_downloaded": INBOUND,
        "white_paper_downloaded": INBOUND,
        "ebook_downloaded": INBOUND,
        "form_submitted": INBOUND,
        "webinar_registered": INBOUND,
        "webinar_attended": INBOUND,
        "event_registered": INBOUND,
        "event_attended": INBOUND,
        "chat": INBOUND,
        "call_inbound": INBOUND,
        "call_outbound": OUTBOUND,
        "call_missed": OUTBOUND,
        "call_voicemail": OUTBOUND,
        "email_sent": OUTBOUND,
        "email_opened": INBOUND,
        "email_clicked": INBOUND,
        "email_replied": INBOUND,
        "email_bounced": NO_DIRECTION,
        "social_touch": INBOUND,
        "social_message_sent": OUTBOUND,
        "referral": INBOUND,
        "demo_requested": INBOUND,
        "demo_held": INBOUND,
        "trial_started": INBOUND,
        "trial_used": INBOUND,
        "quote_requested": INBOUND,
        "quote_sent": OUTBOUND,
        "meeting_booked": INBOUND,
        "meeting_held": INBOUND,
        "representative_visit": OUTBOUND,
        "status_change": NO_DIRECTION,
        "task_scheduled": NO_DIRECTION,
    }
)

# Whatever their direction: the lead does not engage by them, and does not wait for an answer to them.
UNENGAGED_KINDS: Final = ("unsubscribed", "email_bounced", "status_change", "task_scheduled")
# The lead informs itself without a conversation.
EDUCATION_KINDS: Final = (
    "page_view",
    "pricing_page_view",
    "blog_view",
    "newsletter_subscribed",
    "content_downloaded",
    "white_paper_downloaded",
    "ebook_downloaded",
    "webinar_registered",
    "webinar_attended",
    "email_opened",
    "email_clicked",
)
CONTENT_KINDS: Final = (
    "newsletter_subscribed",
    "content_downloaded",
    "white_paper_downloaded",
    "ebook_downloaded",
    "form_submitted",
    "webinar_registered",
    "webinar_attended",
    "event_registered",
)
# A conversation between both sides.
CONVERSATION_KINDS: Final = (
    "chat",
    "call_inbound",
    "call_outbound",
    "email_replied",
    "demo_held",
    "meeting_held",
    "representative_visit",
)
DEMO_KINDS: Final = ("demo_requested", "demo_held", "event_attended", "trial_started", "meeting_booked")
QUOTE_KINDS: Final = ("quote_requested",)
PRICING_KINDS: Final = ("pricing_page_view",)

# Label of each kind for people: singular and plural.
LABELS_OF_KIND: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "page_view": ("page view", "page views"),
        "pricing_page_view": ("look at the prices", "looks at the prices"),
        "blog_view": ("blog post read", "blog posts read"),
        "newsletter_subscribed": ("newsletter subscription", "newsletter subscriptions"),
        "unsubscribed": ("unsubscription", "unsubscriptions"),
        "ad_clicked": ("click on an advertisement", "clicks on advertisements"),
        "content_downloaded": ("download", "downloads"),
        "white_paper_downloaded": ("white paper downloaded", "white papers downloaded"),
        "ebook_downloaded": ("e-book downloaded", "e-books downloaded"),
        "form_submitted": ("form submitted", "forms submitted"),
        "webinar_registered": ("webinar registration", "webinar registrations"),
        "webinar_attended": ("webinar attended", "webinars attended"),
        "event_registered": ("event registration", "event registrations"),
        "event_attended": ("event attended", "events attended"),
        "chat": ("chat", "chats"),
        "call_inbound": ("call from them", "calls from them"),
        "call_outbound": ("call to them", "calls to them"),
        "call_missed": ("missed call", "missed calls"),
        "call_voicemail": ("voicemail left", "voicemails left"),
        "email_sent": ("e-mail sent", "e-mails sent"),
        "email_opened": ("e-mail opened", "e-mails opened"),
        "email_clicked": ("e-mail link clicked", "e-mail links clicked"),
        "email_replied": ("e-mail answered", "e-mails answered"),
        "email_bounced": ("e-mail bounced", "e-mails bounced"),
        "social_touch": ("social media reaction", "social media reactions"),
        "social_message_sent": ("social media message sent", "social media messages sent"),
        "referral": ("referral", "referrals"),
        "demo_requested": ("demo request", "demo requests"),
        "demo_held": ("demo held", "demos held"),
        "trial_started": ("trial started", "trials started"),
        "trial_used": ("use of the trial", "uses of the trial"),
        "quote_requested": ("quote request", "quote requests"),
        "quote_sent": ("quote sent", "quotes sent"),
        "meeting_booked": ("meeting booked", "meetings booked"),
        "meeting_held": ("meeting held", "meetings held"),
        "representative_visit": ("visit to them", "visits to them"),
        "status_change": ("change of status", "changes of status"),
        "task_scheduled": ("task scheduled", "tasks scheduled"),
    }
)
