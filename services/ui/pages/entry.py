"""The doors: signing in, setting the portal up, choosing a password, signing out.

Plain HTML forms, for password managers and slow lines: no script, no socket, one style sheet. They are
not NiceGUI's, so that nothing of a page exists for who is not known.
"""

from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.ui.access import acting, known, origin
from services.ui.portal import Portal, session_of, signed_in
from services.ui.theme import head_html
from services.ui.words import head_mark, say, tell
from shared.domain.access import LEAST_PASSWORD, MAX_USER_NAME, MOST_PASSWORD
from shared.domain.errors import Conflict, InvalidInput, PortalError, TooManyTries

_MOST_FORM: Final = 20_000
_MOST_NEXT: Final = 2_000
_MARK: Final = (
    '<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M8 3.5v5l3 2"/></svg>'
)
_FAVICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' "
    "height='32' rx='8' fill='%232451c8'/%3E%3Cpath d='M12 9v14l11-7z' fill='%23fff'/%3E%3C/svg%3E"
)


def router(portal: Portal) -> APIRouter:
    """Return the routes of the doors; they are no part of the API."""
    routes = APIRouter(include_in_schema=False)
    _add_login(routes, portal)
    _add_setup(routes, portal)
    _add_join(routes, portal)

    @routes.post("/logout")
    async def logout(request: Request) -> Response:
        """End this browser's session; who was not signed in is where they wanted to be."""
        secret = session_of(request, portal)
        if secret is not None and known() is not None:
            await portal.sign_in.sign_out(secret)
        return signed_in(RedirectResponse("/login", 303), request, portal, "")

    return routes


def _add_login(routes: APIRouter, portal: Portal) -> None:
    @routes.get("/login")
    async def login(request: Request) -> Response:
        to = own_path(request.query_params.get("next", ""))
        if known() is not None:
            return RedirectResponse(to, 303)
        is_out = "out" in request.query_params
        return _login_page(to, is_set_up=await portal.access.has_password(), is_out=is_out)

    @routes.post("/login")
    async def sign_in(request: Request) -> Response:
        form = await _form(request)
        to, name = own_path(form.get("next", "")), form.get("name", "")
        old = session_of(request, portal)
        try:
            with acting(None, origin()):
                secret = await portal.sign_in.by_password(name, form.get("password", ""), old=old)
        except TooManyTries as error:
            page = _login_page(to, name=name, error=error, status=429)
            page.headers["retry-after"] = str(error.retry_after_s)
            return page
        except InvalidInput as error:
            return _login_page(to, name=name, error=error, status=401)
        return signed_in(RedirectResponse(to, 303), request, portal, secret)


def _add_setup(routes: APIRouter, portal: Portal) -> None:
    @routes.get("/setup")
    async def setup(request: Request) -> Response:
        code = request.query_params.get("code", "")
        try:
            await portal.sign_in.check_setup_link(code)
        except Conflict as error:
            return _closed(error)
        return _setup_page(code)

    @routes.post("/setup")
    async def set_up(request: Request) -> Response:
        form = await _form(request)
        code, name = form.get("code", ""), form.get("name", "")
        try:
            secret = await portal.sign_in.set_up(code, name, form.get("password", ""))
        except Conflict as error:
            return _closed(error)
        except InvalidInput as error:
            return _setup_page(code, name=name, error=error)
        return signed_in(RedirectResponse("/", 303), request, portal, secret)


def _add_join(routes: APIRouter, portal: Portal) -> None:
    @routes.get("/join")
    async def join(request: Request) -> Response:
        code = request.query_params.get("code", "")
        try:
            return _join_page(code, await portal.sign_in.name_of_link(code))
        except Conflict as error:
            return _closed(error)

    @routes.post("/join")
    async def joined(request: Request) -> Response:
        form = await _form(request)
        code, name = form.get("code", ""), ""
        try:
            name = await portal.sign_in.name_of_link(code)
            secret = await portal.sign_in.join(code, form.get("password", ""))
        except Conflict as error:
            return _closed(error)
        except InvalidInput as error:
            return _join_page(code, name, error=error)
        return signed_in(RedirectResponse("/", 303), request, portal, secret)


def own_path(path: str) -> str:
    """Return a path of the portal itself to go on to: never another host, however it is written."""
    parts = urlsplit(path[:_MOST_NEXT]) if path.isprintable() else urlsplit("")
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    # Browsers read \ as /, and two of them begin the name of a host.
    if not is_own or path.startswith("//") or "\\" in path or parts.path in {"/login", "/logout"}:
        return "/"
    return quote(parts.path, safe="/%:@") + (f"?{parts.query}" if parts.query else "")


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; what is too large, or none, has no fields."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM:
            return {}
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _login_page(
    to: str,
    *,
    is_set_up: bool = True,
    is_out: bool = False,
    name: str = "",
    error: PortalError | None = None,
    status: int = 200,
) -> Response:
    if not is_set_up:
        return _page(
            say("Set up the portal"),
            (
                _said(say("Nobody has set up this portal yet.")),
                _said(
                    say("Open the link that it printed when it started. To get a new one, start it again.")
                ),
            ),
        )
    fields = (
        _name_field(name, "username", is_first=not name),
        _password_field("current-password", is_first=bool(name)),
        _hidden("next", to),
    )
    form = _form_of("/login", fields, say("Sign in"), error)
    gone = (_said(say("You are signed out in this browser.")),) if is_out else ()
    return _page(say("Sign in"), (*gone, form), status)


def _setup_page(code: str, *, name: str = "", error: InvalidInput | None = None) -> Response:
    fields = (
        _name_field(name, "username", is_first=True),
        _password_field("new-password"),
        _hidden("code", code),
    )
    intro = _said(say("You are the first here: you become its owner and invite the others."))
    form = _form_of("/setup", fields, say("Set up the portal"), error)
    return _page(say("Set up the portal"), (intro, form), 200 if error is None else 422)


def _join_page(code: str, name: str, *, error: InvalidInput | None = None) -> Response:
    # The name stands there for the password manager, which keeps both.
    fields = (
        _name_field(name, "username", is_fixed=True),
        _password_field("new-password", is_first=True),
        _hidden("code", code),
    )
    form = _form_of("/join", fields, say("Set the password"), error)
    return _page(say("Choose a password"), (form,), 200 if error is None else 422)


def _closed(error: Conflict) -> Response:
    way = f'<p><a class="jp-btn" href="/login">{escape(say("Sign in"))}</a></p>'
    return _page(say("This link is closed"), (_said(tell(str(error))), way), 409)


def _form_of(action: str, fields: Iterable[str], words: str, error: PortalError | None) -> str:
    wrong = ""
    if error is not None:
        wrong = f'<p class="jp-error" role="alert" id="wrong">{escape(tell(str(error)))}</p>'
    button = f'<button class="jp-btn jp-btn--main" type="submit">{escape(words)}</button>'
    inside = f"{wrong}{''.join(fields)}{button}"
    return f'<form class="jp-entry__form" method="post" action="{action}">{inside}</form>'


def _name_field(value: str, complete: str, *, is_first: bool = False, is_fixed: bool = False) -> str:
    more = f"{' autofocus' if is_first else ''}{' readonly' if is_fixed else ''}"
    return (
        f'<div class="jp-field"><label for="name">{escape(say("Name"))}</label>'
        f'<input class="jp-input" id="name" name="name" value="{escape(value[:MAX_USER_NAME])}" required '
        f'maxlength="{MAX_USER_NAME}" autocomplete="{complete}" autocapitalize="none" spellcheck="false"'
        f"{more}></div>"
    )


def _password_field(complete: str, *, is_first: bool = False) -> str:
    is_new = complete == "new-password"
    hint, more = "", " autofocus" if is_first else ""
    if is_new:
        words = say("At least {0} characters. Four or five words are easy to keep and hard to guess.")
        hint = f'<p class="jp-hint" id="rule">{escape(words.replace("{0}", str(LEAST_PASSWORD)))}</p>'
        more += f' minlength="{LEAST_PASSWORD}" aria-describedby="rule"'
    return (
        f'<div class="jp-field"><label for="password">{escape(say("Password"))}</label>'
        f'<input class="jp-input" id="password" name="password" type="password" required '
        f'maxlength="{MOST_PASSWORD}" autocomplete="{complete}"{more}>{hint}</div>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _said(sentence: str) -> str:
    return f"<p>{escape(sentence)}</p>"


def _page(title: str, parts: Iterable[str], status: int = 200) -> Response:
    product = escape(say("Job Trigger Portal"))
    html = (
        "<!doctype html><html><head>"
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)} · {product}</title>'
        f'<link rel="icon" href="{_FAVICON}">{head_mark()}{head_html("auto")}</head>'
        f'<body class="jp-entry"><main class="jp-card jp-entry__card">'
        f'<p class="jp-brand"><span class="jp-brand__mark">{_MARK}</span>{product}</p>'
        f"<h1>{escape(title)}</h1>{''.join(parts)}</main></body></html>"
    )
    return Response(html, status, {"cache-control": "no-store"}, "text/html")
