use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn expected(names_issuer: bool) -> Expected {
    let state = CsrfToken::new("s".to_owned());
    Expected { state, issuer: "https://idp.example.com".to_owned(), names_issuer }
}

fn judged(query: &str, names_issuer: bool) -> String {
    match judge(query, &expected(names_issuer)) {
        Some(Ok(code)) => format!("code {}", code.secret()),
        Some(Err(error)) => error.to_string(),
        None => "foreign".to_owned(),
    }
}

#[test]
fn only_an_answer_to_our_question_counts() {
    let other = LoginError::OtherIssuer.to_string();
    let denied = LoginError::Denied.to_string();
    let issuer = "iss=https%3A%2F%2Fidp.example.com";
    assert_eq!(judged("code=c&state=s", false), "code c");
    assert_eq!(judged(&format!("code=c&state=s&{issuer}"), true), "code c");
    for query in [
        "code=c",
        "code=c&state=",
        "code=c&state=t",
        "code=c&state=s&state=s",
        "code=c&state=t&state=s",
        "error=access_denied",
        "error=access_denied&state=t",
        "error=access_denied&state=s&state=s",
        "error=invalid_scope&state=S",
        "code=c&state=t&iss=https%3A%2F%2Fidp.example.com",
        "code=c&state=t&iss=https%3A%2F%2Fevil.example.com",
        "",
    ] {
        assert_eq!(judged(query, false), "foreign", "{query}");
        assert_eq!(judged(query, true), "foreign", "{query}");
    }
    assert_eq!(judged("code=c&state=s", true), other);
    assert_eq!(judged("code=c&state=s&iss=https://evil.example.com", false), other);
    assert_eq!(judged(&format!("code=c&state=s&{issuer}/"), true), other);
    assert_eq!(judged("error=access_denied&state=s", false), denied);
    assert_eq!(judged("error=access_denied&code=c&state=s", false), denied);
    assert_eq!(
        judged("error=invalid_scope&error_description=a%1b%5b2Jb&state=s", false),
        "the IdP refuses the sign-in: invalid_scope: a\\u{1b}[2Jb"
    );
    let unreadable = LoginError::Unreadable("the sign-in").to_string();
    assert_eq!(judged("state=s", false), unreadable);
    assert_eq!(judged("code=c&code=d&state=s", false), unreadable);
}

#[test]
fn a_request_that_is_not_the_browsers_coming_back_is_turned_away() {
    let of = |head: &str| query(head, 80).map(ToOwned::to_owned);
    let host = "Host: 127.0.0.1:80";
    let ok = "GET /callback?a=b HTTP/1.1\r\nAccept: */*\r\nhOsT:127.0.0.1:80\r\n\r\n";
    assert_eq!(of(ok), Ok("a=b".to_owned()));
    for (line, host, status) in [
        ("GET /callback?a=b HTTP/1.1", "X: y", "400 Bad Request"),
        ("GET /callback?a=b HTTP/1.1", "Host: evil.example.com:80", "400 Bad Request"),
        ("GET /callback?a=b HTTP/1.1", "Host: 127.0.0.1:81", "400 Bad Request"),
        ("GET /callback HTTP/1.1", "Host: 127.0.0.1:80\r\nHost: 127.0.0.1:80", "400 Bad Request"),
        ("POST /callback?a=b HTTP/1.1", host, "405 Method Not Allowed"),
        ("GET /favicon.ico HTTP/1.1", host, "404 Not Found"),
        ("GET /callback/x HTTP/1.1", host, "404 Not Found"),
        ("", host, "404 Not Found"),
    ] {
        assert_eq!(of(&format!("{line}\r\n{host}\r\n\r\n")), Err(status), "{line} {host}");
    }
}

/// Sends a request and returns the status of the answer; `None` where nobody listens.
async fn ask(port: u16, target: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    assert!(!answer.contains("SECRET"), "the request is not in the answer: {answer}");
    answer.split(' ').nth(1).map(ToOwned::to_owned)
}

#[tokio::test]
async fn it_answers_one_browser_and_is_gone() {
    let callback = Callback::bind(0).await.unwrap();
    let port = callback.port;
    assert!(callback.listener.local_addr().unwrap().ip().is_loopback());
    let waiting = tokio::spawn(callback.wait(expected(false), || panic!("none was foreign")));
    // One that says nothing keeps nobody out.
    let silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    assert_eq!(ask(port, "/favicon.ico").await.as_deref(), Some("404"));
    assert_eq!(ask(port, "/?code=SECRET&state=s").await.as_deref(), Some("404"));
    assert_eq!(ask(port, "/callback?code=SECRET&state=s").await.as_deref(), Some("200"));
    assert_eq!(waiting.await.unwrap().unwrap().secret(), "SECRET");
    assert_eq!(ask(port, "/callback?code=SECRET&state=s").await, None);
    drop(silent);
}

/// Every page in the browser can send these.
#[tokio::test]
async fn who_does_not_know_the_state_ends_nothing_and_it_is_said_once() {
    let callback = Callback::bind(0).await.unwrap();
    let port = callback.port;
    let told = Arc::new(AtomicUsize::new(0));
    let foreign = {
        let told = Arc::clone(&told);
        move || _ = told.fetch_add(1, Ordering::SeqCst)
    };
    let waiting = tokio::spawn(callback.wait(expected(false), foreign));
    // More of them than may be connected at once.
    for _ in 0..=MAX_CONNECTIONS {
        for query in ["code=SECRET&state=t", "code=SECRET", "error=access_denied&state=t", ""] {
            let status = ask(port, &format!("/callback?{query}")).await;
            assert_eq!(status.as_deref(), Some("400"), "{query}");
        }
    }
    assert_eq!(ask(port, "/callback?code=SECRET-OURS&state=s").await.as_deref(), Some("200"));
    assert_eq!(waiting.await.unwrap().unwrap().secret(), "SECRET-OURS");
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_knows_the_state_ends_it_with_a_refusal_too() {
    let callback = Callback::bind(0).await.unwrap();
    let port = callback.port;
    let waiting = tokio::spawn(callback.wait(expected(false), || ()));
    let denied = ask(port, "/callback?error=access_denied&state=s").await;
    assert_eq!(denied.as_deref(), Some("400"));
    assert!(matches!(waiting.await.unwrap(), Err(LoginError::Denied)));
    assert_eq!(ask(port, "/callback?code=SECRET&state=s").await, None);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let first = Callback::bind(0).await.unwrap();
    let error = Callback::bind(first.port).await.err().unwrap();
    assert!(error.to_string().contains(&format!("port {} of 127.0.0.1", first.port)), "{error}");
}
