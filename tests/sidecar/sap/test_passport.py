"""SAP's trace record, taken apart again by its documented places."""

from frontdesk_sidecar.sap.passport import passport

MESSAGE_ID = "8c1f0a52-9f4e-4c39-8a80-0123456789ab"


def test_the_record() -> None:
    """230 bytes between eye catchers; the message's id is where SAP's tools look for it."""
    record = bytes.fromhex(passport(MESSAGE_ID))
    assert len(record) == 230
    assert record[:4] == record[-4:] == b"*TH*"
    assert record[4] == 3
    assert int.from_bytes(record[5:7]) == 230
    assert record[9:41].rstrip(b"\0") == b"frontdesk"
    assert record[149:181] == MESSAGE_ID.replace("-", "").upper().encode()
    assert record[186:202].hex() == MESSAGE_ID.replace("-", "")


def test_nothing_personal_is_in_it() -> None:
    """Two passports differ in the message's id alone."""
    one, other = (bytes.fromhex(passport(f"{n:032x}")) for n in (1, 2))
    assert len([n for n in range(230) if one[n] != other[n]]) <= 3
