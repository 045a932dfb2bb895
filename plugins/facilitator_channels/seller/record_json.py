"""A channel's record in its form in a store: JSON, with the draft's names."""

from base64 import b64decode, b64encode
from typing import Any

import orjson

from facilitator_channels.seller.record import (
    ChannelRecord,
    KeptAnswer,
    KeptNotice,
    Kind,
    Reservation,
    Seal,
)
from facilitator_channels.values import ChannelView, Iou, config_from_json, config_json


def encode_record(record: ChannelRecord) -> bytes:
    """Return the record as JSON."""
    return orjson.dumps(
        {
            "channelId": record.channel_id,
            "network": record.network,
            "scriptHash": record.script_hash,
            "channelConfig": config_json(record.config),
            **record.view.to_json(),
            "onchainSyncedAt": record.view.seen_at,
            "anchorRef": record.anchor_ref,
            "chargedCumulativeAmount": str(record.charged),
            "signedMaxClaimable": str(record.signed),
            "signature": record.voucher.signature.hex() if record.voucher else "",
            "requestId": record.request_id,
            "pendingRequest": _reservation_json(record.pending),
            "answer": _answer_json(record.answer),
            "seal": record.seal and {"ref": record.seal.ref, "at": record.seal.at},
            "shutUntil": record.shut_until,
            "askedAt": record.asked_at,
            "notices": [each._asdict() for each in record.notices],
            "lastNotice": record.last_notice,
            "noticedAt": record.noticed_at,
            "sponsoredRef": record.sponsored_ref,
        }
    )


def decode_record(raw: bytes) -> ChannelRecord:
    """Return the record. Raises :class:`ValueError` if the bytes are not one's."""
    try:
        return _decode(orjson.loads(raw))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a channel's record lacks or garbles {error}") from error


def _decode(value: dict[str, Any]) -> ChannelRecord:
    pending, answer, seal = value["pendingRequest"], value["answer"], value["seal"]
    signature = value["signature"]
    return ChannelRecord(
        channel_id=value["channelId"],
        network=value["network"],
        script_hash=value["scriptHash"],
        config=config_from_json(value["channelConfig"]),
        view=ChannelView.from_json(value, value["onchainSyncedAt"]),
        anchor_ref=value["anchorRef"],
        charged=int(value["chargedCumulativeAmount"]),
        voucher=Iou(int(value["signedMaxClaimable"]), bytes.fromhex(signature))
        if signature
        else None,
        request_id=value["requestId"],
        pending=Reservation(pending["id"], pending["expiresAt"]) if pending else None,
        answer=_read_answer(answer) if answer else None,
        seal=Seal(seal["ref"], seal["at"]) if seal else None,
        shut_until=value["shutUntil"],
        asked_at=value["askedAt"],
        notices=tuple(KeptNotice(each["kind"], each["number"]) for each in value["notices"]),
        last_notice=value["lastNotice"],
        noticed_at=value["noticedAt"],
        sponsored_ref=value.get("sponsoredRef", ""),  # older records have none
    )


def _reservation_json(pending: Reservation | None) -> dict[str, Any] | None:
    return {"id": pending.id, "expiresAt": pending.expires_at} if pending else None


def _answer_json(answer: KeptAnswer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "kind": answer.kind.value,
        "at": answer.at,
        "settlement": b64encode(answer.settlement).decode(),
        "response": b64encode(answer.response).decode(),
    }


def _read_answer(value: dict[str, Any]) -> KeptAnswer:
    return KeptAnswer(
        Kind(value["kind"]),
        value["at"],
        b64decode(value["settlement"]),
        b64decode(value["response"]),
    )
