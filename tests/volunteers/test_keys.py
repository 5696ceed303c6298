"""What is locked for a volunteer opens for that volunteer, and for nobody who holds the database."""

from collections.abc import Callable

import pytest
from django.db import connection

from privacy import instance
from privacy.crypto import Unreadable
from tests.volunteers import people
from tests.volunteers.people import PASSPHRASE, Person
from volunteers import keys
from volunteers.account import Volunteer
from volunteers.keys import WrongPassphrase

NEW = "orchard window paper boat"


def fresh(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


def test_the_passphrase_opens_the_key(ben: Person) -> None:
    assert keys.unlock(fresh(ben), PASSPHRASE) == ben.private


def test_another_passphrase_opens_nothing(ben: Person) -> None:
    with pytest.raises(WrongPassphrase):
        keys.unlock(fresh(ben), PASSPHRASE + "s")


def test_a_passphrase_opens_however_the_keyboard_composes_its_accents(ben: Person) -> None:
    keys.change_passphrase(fresh(ben), PASSPHRASE, "un caf\u00e9 \u00e0 la for\u00eat")

    assert keys.unlock(fresh(ben), "un cafe\u0301 a\u0300 la fore\u0302t") == ben.private


def test_a_swapped_public_key_is_refused(ana: Person, ben: Person) -> None:
    kim = people.newcomer(ana)
    Volunteer.objects.filter(pk=ben.volunteer.pk).update(public_key=kim.volunteer.public_key)

    with pytest.raises(Unreadable):
        fresh(ben).reader()
    with pytest.raises(Unreadable):
        keys.unlock(fresh(ben), PASSPHRASE)


def test_a_public_key_moved_with_its_mac_is_refused(ana: Person, ben: Person) -> None:
    kim = people.newcomer(ana)
    moved = {name: getattr(kim.volunteer, name) for name in ("public_key", "public_key_mac")}
    Volunteer.objects.filter(pk=ben.volunteer.pk).update(**moved)

    with pytest.raises(Unreadable):
        fresh(ben).reader()


def test_a_wrapped_key_moved_to_another_row_does_not_open(ana: Person, ben: Person) -> None:
    kim = people.newcomer(ana)
    moved = {name: getattr(kim.volunteer, name) for name in ("wrapped_private", "wrap_salt")}
    Volunteer.objects.filter(pk=ben.volunteer.pk).update(**moved)

    with pytest.raises(WrongPassphrase):
        keys.unlock(fresh(ben), PASSPHRASE)


def test_a_new_passphrase_opens_the_same_key_and_the_old_one_nothing(ben: Person) -> None:
    epoch = ben.volunteer.epoch

    keys.change_passphrase(fresh(ben), PASSPHRASE, NEW)

    assert keys.unlock(fresh(ben), NEW) == ben.private
    assert fresh(ben).check_password(NEW) is True
    assert fresh(ben).epoch != epoch
    with pytest.raises(WrongPassphrase):
        keys.unlock(fresh(ben), PASSPHRASE)


def test_the_sheet_opens_the_same_key_with_a_slip_of_the_pen(ben: Person) -> None:
    first, *others = ben.sheet.split()
    typed = " ".join([first[:4].upper(), *others])

    keys.restore(ben.volunteer.username.upper().replace("-", " "), typed, NEW)

    assert keys.unlock(fresh(ben), NEW) == ben.private


def test_an_old_sheet_opens_nothing_after_a_new_one(ben: Person) -> None:
    sheet = keys.new_sheet(fresh(ben), ben.private, "fr")

    with pytest.raises(WrongPassphrase):
        keys.restore(ben.volunteer.username, ben.sheet, NEW)
    keys.restore(ben.volunteer.username, sheet, NEW)

    assert keys.unlock(fresh(ben), NEW) == ben.private


def new_key_meanwhile(person: Person) -> Person:
    """Elsewhere the account got a new key, as two at the desk can bring about."""
    other = fresh(person)
    made = keys.make_keys(other, NEW, "en")
    keys.replace(other)
    return Person(other, made.private, made.sheet, NEW)


@pytest.mark.parametrize(("verb", "what"), [(keys.rewrap, PASSPHRASE), (keys.new_sheet, "en")])
def test_what_began_with_the_old_key_does_not_come_back_over_a_new_one(
    ben: Person, verb: Callable[[Volunteer, bytes, str], object], what: str
) -> None:
    before = fresh(ben)
    newer = new_key_meanwhile(ben)

    with pytest.raises(WrongPassphrase):
        verb(before, ben.private, what)

    assert keys.unlock(fresh(ben), NEW) == newer.private
    assert fresh(ben).check_password(NEW) is True
    keys.restore(ben.volunteer.username, newer.sheet, "harbour pencil slow train")
    assert keys.unlock(fresh(ben), "harbour pencil slow train") == newer.private


def test_an_unknown_name_wrong_words_and_a_suspended_account_are_refused_alike(
    ana: Person, ben: Person
) -> None:
    kim = people.volunteer(ana)
    kim.volunteer.suspend_account(people.AT)
    tries = [
        ("nobody-here-10", ben.sheet),
        (ben.volunteer.username, kim.sheet),
        (kim.volunteer.username, kim.sheet),
    ]

    for username, sheet in tries:
        with pytest.raises(WrongPassphrase) as refused:
            keys.restore(username, sheet, NEW)
        assert refused.value.args == ()


@pytest.mark.django_db(transaction=True)
def test_no_passphrase_no_word_and_no_private_half_is_in_the_database() -> None:
    instance.ensure(create=True)
    before = everything()
    ana = people.founder()
    keys.change_passphrase(ana.volunteer, PASSPHRASE, NEW)
    words = ana.sheet.split()
    secrets = [
        PASSPHRASE.encode(),
        NEW.encode(),
        ana.sheet.encode(),
        " ".join(words[:2]).encode(),
        ana.private,
    ]

    dump = everything()

    for secret in secrets:
        # Two words may be those of a permission, as "add area" is.
        assert dump.count(secret) == before.count(secret)
        assert dump.count(secret.hex().encode()) == 0


def everything() -> bytes:
    """Every value of every table, as bytes."""
    values: list[bytes] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                values += [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row]
    return b"\n".join(values)
