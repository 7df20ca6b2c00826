//! How hallpass says that it does: over HTTP, in metrics, and to HAProxy.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Hallpass, eventually};

mod agent;
mod door;
mod numbers;
mod ready;
mod strained;
mod weight;

const HTTP: [&str; 2] = ["--set", "http.listen=127.0.0.1:0"];
const AGENT: [&str; 2] = ["--set", "agent.listen=127.0.0.1:0"];

async fn http(hallpass: &Hallpass) -> String {
    hallpass.listens("metrics are served over HTTP").await
}

async fn agent(hallpass: &Hallpass) -> String {
    hallpass.listens("HAProxy's agent-check is answered").await
}

/// What it answers; nothing where it does not.
async fn get(address: &str, path: &str) -> Option<(StatusCode, String)> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}{path}")).send().await.ok()?;
    Some((answer.status(), answer.text().await.ok()?))
}

/// What `/readyz` says, whose status must fit what it says.
async fn readiness(address: &str) -> Option<Value> {
    let (status, text) = get(address, "/readyz").await?;
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status == StatusCode::OK, told["ready"] == true, "{status}: {text}");
    assert!(status == StatusCode::OK || status == StatusCode::SERVICE_UNAVAILABLE);
    let count = |list: &str| told[list].as_array().unwrap().len();
    assert_eq!(count("reasons"), count("why"), "{text}");
    assert_eq!(count("reasons") == 0, told["ready"] == true, "{text}");
    Some(told)
}

/// Waits until exactly these are the reasons; none: it is ready.
async fn has_reasons(address: &str, reasons: &[&str]) -> Value {
    let reasons = serde_json::json!(reasons);
    eventually(&format!("{reasons} at /readyz"), || async {
        readiness(address).await.filter(|told| told["reasons"] == reasons)
    })
    .await
}
