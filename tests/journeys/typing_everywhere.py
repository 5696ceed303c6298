"""One story in which something is typed into every field there is, mistakes included; all of it canaries."""

import base64
import hashlib
import hmac
import struct
import time
from dataclasses import dataclass, field

from tests.journeys.canary import Canaries
from tests.journeys.conftest import Stage
from tests.journeys.story import COMPANY, DESK_RIDE, RIDE, STAY, THERE, Asker, Volunteer, tomorrow
from tests.journeys.walk import Browser


@dataclass
class Story:
    """`sealed` are canaries that must be nowhere, `clear` those that are stored as they are by design."""

    stage: Stage
    sealed: Canaries = field(default_factory=Canaries)
    clear: Canaries = field(default_factory=Canaries)
    browsers: list[Browser] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)

    def browser(self) -> Browser:
        self.browsers.append(self.stage.browser())
        return self.browsers[-1]

    def tell(self) -> None:
        """Up to where everything is stored and nothing has ended."""
        self.browsers.append(self.stage.coordinator.browser)
        self.asker = Asker(self.browser())
        self.ben = self.volunteer("Ben")
        self.cleo = self.volunteer("Cleo")
        self.forgets_the_passphrase(self.cleo)
        self.sets_up_an_app(self.ben)
        self.asks_for_everything()
        self.comes_back()
        self.everybody_comes()
        self.types_where_nothing_is()

    def end(self) -> None:
        """It happens, it is taken back, it is erased."""
        self.ben.finishes(THERE)
        self.cleo.releases(STAY)
        self.asker.withdraws()
        self.asker.erases()

    # --- Those with an account

    def volunteer(self, name: str) -> Volunteer:
        """Joined with a passphrase that is a canary, and mail to one."""
        new, browser = self.sealed.new, self.browser()
        person = Volunteer(browser, self.clear.new(f"{name}: handle"), new(f"{name}: passphrase"))
        link = self.stage.coordinator.invites()
        self.sealed.secret(f"{name}: invitation", link.strip("/").rpartition("/")[2].encode())
        browser.visit(link)
        differ = {"passphrase": new(f"{name}: one"), "again": new(f"{name}: another")}
        browser.press("Open my account", handle=person.handle, **differ).says("The two are not the same.")
        person.joins(link)
        self.sealed.words(f"{name}: recovery sheet", person.sheet)
        person.offers("ride", "stay", "accompaniment", conditions=["pets_welcome"])
        person.wants_mail(f"{new(f'{name}: address')}@example.org")
        self.stage.coordinator.vouches_for(person.handle)
        return person

    def forgets_the_passphrase(self, person: Volunteer) -> None:
        """Wrong tries, the recovery sheet, and a passphrase changed once more."""
        new, browser = self.sealed.new, self.browser()
        browser.visit("/accounts/login/")
        browser.press("Sign in", login=new("unknown name"), password=new("its passphrase"))
        browser.press("Sign in", login=person.username, password=new("wrong passphrase")).says("do not go")
        browser.visit("/accounts/recover/")
        person.passphrase = new("passphrase after the sheet")
        twice = {"passphrase": person.passphrase, "again": person.passphrase}
        sheet = " ".join(person.sheet)
        browser.press("Set my new passphrase", username=person.username, sheet=sheet, **twice)
        person.signs_in(browser)
        browser.visit("/accounts/passphrase/")
        old, person.passphrase = person.passphrase, new("changed passphrase")
        browser.press("Change it", old=old, passphrase=person.passphrase, again=person.passphrase)
        browser.visit("/profile/")
        browser.press("Lock now")
        browser.visit("/accounts/unlock/")
        browser.press("Open", passphrase=new("wrong at the lock")).says("This is not your passphrase.")
        browser.press("Open", passphrase=person.passphrase)

    def sets_up_an_app(self, person: Volunteer) -> None:
        """A second step; its seed is what an app would keep."""
        browser = person.browser
        browser.visit("/accounts/2fa/totp/activate/")
        browser.press("Confirm", password=self.sealed.new("wrong before the second step"))
        page = browser.press("Confirm", password=person.passphrase)
        seed = next(n.text() for n in page.root.all("p") if n.attrs.get("class") == "big").replace(" ", "")
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
        self.sealed.secret("seed of the second step", seed.encode(), raw)
        browser.press("Turn it on", code=_one_time_code(raw))

    # --- The asker

    def asks_for_everything(self) -> None:
        new, asker, browser = self.sealed.new, self.asker, self.asker.browser
        browser.visit("/a/ride/")
        browser.press("Français", note=new("note before another language"))
        browser.cookies.pop("l")
        browser.visit("/a/ride/")
        too_long = new("note that was too long", after="x" * 2001)
        browser.press("Ask", note=too_long, q_to=new("answer beside it"), day=tomorrow())
        assert browser.page.status == 422
        for_desk = {"desk_reads": "yes", "decides": "desk", "place": new("place sealed to the desk")}
        mail = {"tell_by": "email", "email": new("her address", after="@example.org")}
        back = {"q_back": "yes", "q_back_to": new("where to, the way back")}
        onward = {"q_onward": "yes", "q_onward_to": new("where to, the way onward")}
        trip = {"q_to": new("where to"), **back, **onward}
        asker.asks(RIDE, note=new("note for the desk"), **trip, **for_desk, **mail)
        self.sealed.words("return code", asker.code)
        browser.press("I have it on paper", first=new("a wrong word"), second=asker.code[-2])
        asker.writes_the_code_on_paper()
        self.needs.append(asker.need())
        stay = {"note": new("note about the stay"), "desk_reads": "no", "q_home": new("wish for the home")}
        stay |= {"q_avoid": new("what to avoid"), "q_which_pets": new("which animals")}
        asker.asks(STAY, **stay, nights="2")
        self.needs.append(asker.need())
        company = {"note": new("note about company"), "desk_reads": "no", "plan": new("plan for company")}
        asker.asks(COMPANY, **company, q_sign=new("sign"), q_talk_how=new("how to talk before"))
        self.needs.append(asker.need())
        asker.leaves()

    def comes_back(self) -> None:
        """With a wrong code first, then with hers."""
        self.asker.comes_back(self.browser(), self.sealed.new("a wrong code")).says("opens nothing here")
        self.asker.comes_back()

    def everybody_comes(self) -> None:
        """A ride by the desk's word, a stay at a host's, company by hers; everybody writes."""
        new, asker, ben, cleo = self.sealed.new, self.asker, self.ben, self.cleo
        ben.claims(THERE)
        self.stage.coordinator.approves(ben.handle, DESK_RIDE)
        cleo.claims(STAY, place=new("host's place"))
        asker.looks()
        asker.browser.press(f"Yes, {cleo.handle} may come", within=STAY)
        ben.claims(COMPANY)
        asker.looks()
        asker.browser.press(f"Yes, {ben.handle} may come", within=COMPANY, place=new("place at the yes"))
        asker.looks().says(self.sealed.typed["host's place"], self.sealed.typed["note about company"])
        asker.browser.press("Change where to meet", within=COMPANY, place=new("place changed after"))
        asker.looks()
        asker.browser.press("Send", within=COMPANY, text=new("her message"))
        asker.browser.press("Send", within=COMPANY, text=new("message too long", after="y" * 1001))
        asker.looks().says(self.sealed.typed["plan for company"], self.sealed.typed["sign"])
        asker.browser.press("Store it", within=COMPANY, plan=new("plan too long", after="z" * 901))
        asker.browser.press("Store it", within=COMPANY, plan=new("plan changed"))
        ben.writes(new("his message"), COMPANY).says(self.sealed.typed["his message"])
        cleo.writes(new("the host's message"), STAY).says(self.sealed.typed["note about the stay"])
        ben.opens(THERE).says(self.sealed.typed["place sealed to the desk"], self.sealed.typed["where to"])

    def types_where_nothing_is(self) -> None:
        """What is posted to no page, or is too large, is not written down either."""
        browser = self.browser()
        browser.visit("/a/return/")
        form = browser.page.form("Open", code=self.sealed.new("posted to no page"))
        assert browser.post("/a/nothing/at/all/", form.fields).status == 404
        large = [*form.fields, ("more", self.sealed.new("posted far too much") * 5000)]
        assert browser.post("/a/return/", large).status == 413


def _one_time_code(key: bytes) -> str:
    """RFC 6238: six digits, thirty seconds."""
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"
