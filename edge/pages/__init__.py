"""Hosted pages: how a person uses limen in a browser, without any other front end.

Owns the HTML, style, scripts and translations of sign-in, sign-up, the links that are sent by mail,
and the account page. Owns no state and makes no call: the scripts of the pages talk to the REST API
of the same origin, with the cookie of the session.

Pages hold nothing about a person when they leave the server, so each is rendered once for each
language when the router is built. The content security policy (CSP level 3) admits no inline
script or style, and nothing from another origin.
"""
