"""Fields of OCPP 1.6, 2.0.1 and 2.1, and of Polaris's own commands, that hold what belongs to a person.

Names are compared by their letters alone: `idTag`, `id_tag` and `IdTag` are one.
"""

from __future__ import annotations

# Ids of cards, contracts, customers and vehicles.
IDS = frozenset(
    {
        "idtag",
        "parentidtag",
        "idtoken",
        "groupidtoken",
        "additionalidtoken",
        "customeridentifier",  # CustomerInformation
        "emaid",
        "prioritizedemaids",  # 2.1, NotifyPriorityCharging and ISO 15118-20
        "evccid",
        "vehicleid",
        "vin",
        "macaddress",
        "evinverterserialnumber",  # 2.1, DER
        "pspref",  # 2.1, a payment's reference
        "receiptid",
    }
)
# Texts that somebody or a vendor's software has written: an id may be anywhere in them.
TEXTS = frozenset({"data", "info", "techinfo", "extrainfo", "vendorinfo", "content"})
# Values with a card's id, a contract or a person's address inside, which cannot be replaced in them.
SEALED = frozenset(
    {
        "signedmeterdata",
        "exirequest",
        "exiresponse",
        "certificate",
        "certificatechain",
        "issuernamehash",
        "issuerkeyhash",
        "ocspresult",
        "address",
        "receipturl",
        "vatnumber",
        "city",
        "postalcode",
    }
)
