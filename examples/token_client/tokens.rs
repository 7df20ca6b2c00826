//! Tokens from an IdP, by OAuth's client_credentials grant.

use std::{
    error::Error,
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use openidconnect::{
    AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, IssuerUrl, OAuth2TokenResponse,
    Scope,
    core::{CoreClient, CoreClientAuthMethod, CoreProviderMetadata},
};
use tokio::time::timeout;
use url::Host;

const TIMEOUT: Duration = Duration::from_secs(10);

pub type Failure = Box<dyn Error + Send + Sync>;

/// Where tokens come from.
#[derive(clap::Args)]
pub struct IdpOptions {
    #[arg(long, env = "OIDC_ISSUER", value_parser = |url: &str| IssuerUrl::new(url.to_owned()))]
    issuer: IssuerUrl,
    #[arg(long, env = "OIDC_CLIENT_ID")]
    client_id: String,
    /// The scope to ask for, if the IdP wants one.
    #[arg(long)]
    scope: Option<String>,
    /// Whom the token is for, if the IdP wants to be told (some call it `resource`).
    #[arg(long)]
    audience: Option<String>,
}

/// A token, which nothing prints.
pub struct Token {
    pub value: String,
    pub number: u64,
    expires_at: Timestamp,
    fresh_until: Timestamp,
    /// Refused, or its time was up.
    pub spent: AtomicBool,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.expires_at.to_zoned(TimeZone::system());
        write!(f, "token {}, valid until {}", self.number, until.strftime("%H:%M:%S"))
    }
}

/// Gets tokens, and keeps the newest while it is worth showing.
pub struct Tokens {
    options: IdpOptions,
    client_secret: ClientSecret,
    http: reqwest::Client,
    newest: Mutex<Option<Arc<Token>>>,
}

impl Tokens {
    pub fn new(options: IdpOptions) -> Result<Self, Failure> {
        // From the environment: everybody on the machine can read a command line.
        let secret = std::env::var("OIDC_CLIENT_SECRET").map_err(|_| "set OIDC_CLIENT_SECRET")?;
        let on_this_machine = match options.issuer.url().host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            host => host == Some(Host::Domain("localhost")),
        };
        let http = reqwest::Client::builder()
            .https_only(!on_this_machine)
            // Neither secret nor token goes where a redirect leads.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            options,
            client_secret: ClientSecret::new(secret),
            http,
            newest: Mutex::default(),
        })
    }

    /// The newest token, which is what the connection was made with.
    pub fn newest(&self) -> Option<Arc<Token>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token that is worth showing.
    pub async fn get(&self) -> Result<Arc<Token>, Failure> {
        let newest = self.newest();
        let number = newest.as_ref().map_or(1, |token| token.number + 1);
        match newest {
            Some(token) if !token.spent.load(Relaxed) && Timestamp::now() < token.fresh_until => {
                Ok(token)
            }
            _ => {
                let token = Arc::new(timeout(TIMEOUT, self.fetch(number)).await??);
                println!("fetched {token}");
                *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
                Ok(token)
            }
        }
    }

    async fn fetch(&self, number: u64) -> Result<Token, Failure> {
        let http = |request| send(self.http.clone(), request);
        let issuer = self.options.issuer.clone();
        let provider = CoreProviderMetadata::discover_async(issuer, &http).await?;
        let basic = provider
            .token_endpoint_auth_methods_supported()
            .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let id = ClientId::new(self.options.client_id.clone());
        let secret = Some(self.client_secret.clone());
        let client = CoreClient::from_provider_metadata(provider, id, secret)
            .set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody });
        let mut request = client.exchange_client_credentials()?;
        request = request.add_scopes(self.options.scope.clone().map(Scope::new));
        if let Some(audience) = &self.options.audience {
            request = request.add_extra_param("audience", audience);
        }
        let asked_at = Timestamp::now(); // before the request: rather too early than too late
        let answer = request.request_async(&http).await?;
        // An IdP need not say how long a token lasts. Without that, each is shown once only.
        let lifetime = SignedDuration::try_from(answer.expires_in().unwrap_or_default())?;
        // With little left of it, a token is not worth a connection.
        let margin = (lifetime / 5).min(SignedDuration::from_secs(30));
        Ok(Token {
            value: answer.access_token().secret().clone(),
            number,
            expires_at: asked_at + lifetime,
            fresh_until: asked_at + lifetime - margin,
            spent: AtomicBool::new(false),
        })
    }
}

/// What openidconnect sends its requests with: its own feature for reqwest is for an older one.
async fn send(http: reqwest::Client, request: HttpRequest) -> io::Result<HttpResponse> {
    let mut answer = http
        .execute(request.try_into().map_err(io::Error::other)?)
        .await
        .map_err(io::Error::other)?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    std::mem::swap(response.headers_mut(), answer.headers_mut());
    *response.body_mut() = answer.bytes().await.map_err(io::Error::other)?.into();
    Ok(response)
}

/// The sentence that says most. Not all that there are: those about an answer that cannot be
/// read may quote from it.
pub fn reason(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
        .find_map(|error| error.downcast_ref::<io::Error>())
        .map_or_else(|| error.to_string(), ToString::to_string)
}
