//! Every text that a visitor reads, in every language of the gate. Events and logs use the first language.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// The texts in one language. A value from the schema, such as a limit, replaces `{}`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the English text next to each name says what it is for")]
pub struct Texts {
    /// The language's tag (BCP 47).
    pub tag: &'static str,

    /// Sentences about a field.
    pub required: &'static str,
    pub empty: &'static str,
    pub wrong_type: &'static str,
    pub min_length: &'static str,
    pub max_length: &'static str,
    pub minimum: &'static str,
    pub maximum: &'static str,
    pub exclusive_minimum: &'static str,
    pub exclusive_maximum: &'static str,
    pub multiple_of: &'static str,
    pub min_items: &'static str,
    pub max_items: &'static str,
    pub min_properties: &'static str,
    pub max_properties: &'static str,
    pub unique_items: &'static str,
    pub one_of: &'static str,
    pub constant: &'static str,
    pub pattern: &'static str,
    pub unexpected: &'static str,
    pub unexpected_item: &'static str,
    pub property_name: &'static str,
    pub contains: &'static str,
    pub forbidden: &'static str,
    pub no_form: &'static str,
    pub several_forms: &'static str,
    pub not_allowed: &'static str,
    pub other: &'static str,
    pub domain: &'static str,
    pub local_part: &'static str,
    pub undeliverable: &'static str,
    pub file_type: &'static str,
    pub too_many_files: &'static str,

    /// What replaces `{}` in [`Self::wrong_type`].
    pub or: &'static str,
    pub list: &'static str,
    pub boolean: &'static str,
    pub integer: &'static str,
    pub null: &'static str,
    pub number: &'static str,
    pub object: &'static str,
    pub text: &'static str,
    pub email: &'static str,
    pub uri: &'static str,
    pub date: &'static str,
    pub time: &'static str,
    pub date_time: &'static str,
    pub uuid: &'static str,
    pub format: &'static str,

    /// The pages.
    pub thanks_title: &'static str,
    pub thanks: &'static str,
    pub asked_title: &'static str,
    pub asked: &'static str,
    pub confirmed_title: &'static str,
    pub confirmed: &'static str,
    pub dead_link: &'static str,
    pub queued: &'static str,
    pub copy_refused: &'static str,
    pub go_on: &'static str,
    pub check_title: &'static str,
    pub check_one: &'static str,
    pub check_many: &'static str,
    pub failed_title: &'static str,
    pub later: &'static str,
    pub refused: &'static str,
    pub too_large: &'static str,
    pub unreadable: &'static str,
    pub go_back: &'static str,
    pub for_the_owner: &'static str,
    pub files_again: &'static str,
    pub send: &'static str,
    pub error: &'static str,
}

const ENGLISH: Texts = Texts {
    tag: "en",
    required: "This field is required.",
    empty: "This must not be empty.",
    wrong_type: "This must be {}.",
    min_length: "This must have at least {} characters.",
    max_length: "This must have at most {} characters.",
    minimum: "This must be at least {}.",
    maximum: "This must be at most {}.",
    exclusive_minimum: "This must be more than {}.",
    exclusive_maximum: "This must be less than {}.",
    multiple_of: "This must be a multiple of {}.",
    min_items: "This must have at least {} entries.",
    max_items: "This must have at most {} entries.",
    min_properties: "This must have at least {} fields.",
    max_properties: "This must have at most {} fields.",
    unique_items: "Entries must not repeat.",
    one_of: "This must be one of {}.",
    constant: "This must be {}.",
    pattern: "This does not have the expected format; it must match {}.",
    unexpected: "This field is not expected.",
    unexpected_item: "This entry is not expected.",
    property_name: "There is a field here whose name is not allowed.",
    contains: "A required entry is missing.",
    forbidden: "This must not be present.",
    no_form: "This matches none of the allowed forms.",
    several_forms: "This matches more than one form, but only one is allowed.",
    not_allowed: "This value is not allowed.",
    other: "This does not match the schema.",
    file_type: "This file must be of one of these types: {}.",
    too_many_files: "This form does not accept more files.",
    domain: "Mail is not sent to addresses at this domain.",
    local_part: "The part before the @ has letters that mail cannot be sent to.",
    undeliverable: "Mail cannot be sent to this address.",
    or: "or",
    list: "a list",
    boolean: "true or false",
    integer: "a whole number",
    null: "null",
    number: "a number",
    object: "an object",
    text: "text",
    email: "an email address",
    uri: "a full address such as https://example.com/",
    date: "a date such as 2026-03-31",
    time: "a time such as 09:30:00Z",
    date_time: "a date and time such as 2026-03-31T09:30:00Z",
    uuid: "a UUID",
    format: "in the format `{}`",
    thanks_title: "Thank you",
    thanks: "Your message has been sent.",
    asked_title: "Please check your email",
    asked: "A message with a link is on its way to you. Nothing else is sent until you follow the link.",
    confirmed_title: "Confirmed",
    confirmed: "Thank you. Your message has been sent.",
    dead_link: "This link has expired or is incomplete. Please fill in the form again.",
    queued: "Your message has been received. It could not be sent just now, but will be sent as soon as possible. You do not need to send it again.",
    copy_refused: "Your message has arrived. The copy for you could not be sent to the email address that you entered.",
    go_on: "Continue",
    check_title: "Please check your entries",
    check_one: "One field needs your attention. Nothing has been sent yet.",
    check_many: "{} fields need your attention. Nothing has been sent yet.",
    failed_title: "This could not be sent",
    later: "Your message could not be sent just now. Please try again in a few minutes.",
    refused: "This form could not confirm that your message comes from its page. Please go back, reload the page and try again.",
    too_large: "Your message is larger than this form accepts. Please shorten it or choose smaller files.",
    unreadable: "Your message could not be read. Please go back and try again.",
    go_back: "Go back to the page",
    for_the_owner: "For the owner of this website:",
    files_again: "Files are not kept. Please choose them again.",
    send: "Send again",
    error: "Error",
};

const GERMAN: Texts = Texts {
    tag: "de",
    required: "Dieses Feld wird benötigt.",
    empty: "Dieses Feld darf nicht leer sein.",
    wrong_type: "Hier wird {} erwartet.",
    min_length: "Bitte mindestens {} Zeichen eingeben.",
    max_length: "Bitte höchstens {} Zeichen eingeben.",
    minimum: "Der Wert muss mindestens {} sein.",
    maximum: "Der Wert darf höchstens {} sein.",
    exclusive_minimum: "Der Wert muss größer als {} sein.",
    exclusive_maximum: "Der Wert muss kleiner als {} sein.",
    multiple_of: "Der Wert muss ein Vielfaches von {} sein.",
    min_items: "Bitte mindestens {} Einträge angeben.",
    max_items: "Bitte höchstens {} Einträge angeben.",
    min_properties: "Bitte mindestens {} Felder ausfüllen.",
    max_properties: "Bitte höchstens {} Felder ausfüllen.",
    unique_items: "Kein Eintrag darf doppelt vorkommen.",
    one_of: "Erlaubt ist nur einer dieser Werte: {}.",
    constant: "Der Wert muss {} sein.",
    pattern: "Die Eingabe hat nicht die erwartete Form; sie muss zu {} passen.",
    unexpected: "Dieses Feld wird hier nicht erwartet.",
    unexpected_item: "Ein Eintrag wird hier nicht erwartet.",
    property_name: "Der Name eines Feldes ist hier nicht erlaubt.",
    contains: "Ein Eintrag, der hier benötigt wird, fehlt.",
    forbidden: "Dieses Feld darf nicht vorhanden sein.",
    no_form: "Die Eingabe passt zu keiner der erlaubten Formen.",
    several_forms: "Die Eingabe passt zu mehr als einer Form, erlaubt ist nur eine.",
    not_allowed: "Eine Eingabe dieser Form ist nicht erlaubt.",
    other: "Die Eingabe entspricht nicht den Vorgaben.",
    file_type: "Diese Datei muss einen dieser Typen haben: {}.",
    too_many_files: "Dieses Formular nimmt keine weiteren Dateien an.",
    domain: "An Adressen dieser Domäne wird nichts gesendet.",
    local_part: "Vor dem @ stehen Buchstaben, an die keine E-Mail gesendet werden kann.",
    undeliverable: "An diese Adresse kann keine E-Mail gesendet werden.",
    or: "oder",
    list: "eine Liste",
    boolean: "Ja oder Nein",
    integer: "eine ganze Zahl",
    null: "kein Wert",
    number: "eine Zahl",
    object: "eine Gruppe von Feldern",
    text: "ein Text",
    email: "eine E-Mail-Adresse",
    uri: "eine vollständige Adresse wie https://example.com/",
    date: "ein Datum wie 2026-03-31",
    time: "eine Uhrzeit wie 09:30:00Z",
    date_time: "ein Zeitpunkt wie 2026-03-31T09:30:00Z",
    uuid: "eine UUID",
    format: "das Format `{}`",
    thanks_title: "Vielen Dank",
    thanks: "Ihre Nachricht wurde gesendet.",
    asked_title: "Bitte sehen Sie in Ihr Postfach",
    asked: "Eine Nachricht mit einem Link ist an Sie unterwegs. Erst wenn Sie ihm folgen, wird etwas gesendet.",
    confirmed_title: "Bestätigt",
    confirmed: "Vielen Dank. Ihre Nachricht wurde gesendet.",
    dead_link: "Dieser Link ist zu alt oder nicht vollständig. Bitte füllen Sie das Formular noch einmal aus.",
    queued: "Ihre Nachricht ist angekommen. Sie konnte gerade nicht weitergeleitet werden und wird sobald wie möglich gesendet: Sie müssen sie nicht noch einmal senden.",
    copy_refused: "Ihre Nachricht ist angekommen. Die Kopie für Sie konnte nicht an die angegebene E-Mail-Adresse gesendet werden.",
    go_on: "Weiter",
    check_title: "Bitte prüfen Sie Ihre Angaben",
    check_one: "Ein Feld ist nicht wie erwartet. Es wurde noch nichts gesendet.",
    check_many: "{} Felder sind nicht wie erwartet. Es wurde noch nichts gesendet.",
    failed_title: "Das konnte nicht gesendet werden",
    later: "Ihre Nachricht konnte gerade nicht gesendet werden. Bitte versuchen Sie es in einigen Minuten erneut.",
    refused: "Es ließ sich nicht feststellen, dass Ihre Nachricht von der Seite dieses Formulars kommt. Bitte gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es erneut.",
    too_large: "Das ist mehr, als dieses Formular annimmt. Bitte senden Sie weniger oder kleinere Dateien.",
    unreadable: "Ihre Nachricht konnte nicht gelesen werden. Bitte gehen Sie zurück und versuchen Sie es erneut.",
    go_back: "Zurück zur Seite",
    for_the_owner: "Für den Betreiber dieser Website:",
    files_again: "Dateien bleiben nicht erhalten: Bitte wählen Sie sie erneut aus.",
    send: "Erneut senden",
    error: "Fehler",
};

/// Every language; the default comes first.
pub const LANGUAGES: [&Texts; 2] = [&ENGLISH, &GERMAN];

/// How many languages of a header the gate reads.
const MAX_WISHES: usize = 20;

impl Texts {
    /// The texts for events, logs and samples.
    pub const fn neutral() -> &'static Self {
        &ENGLISH
    }

    /// The available language that a visitor prefers (RFC 9110, 12.5.4).
    pub fn wanted(headers: &HeaderMap) -> &'static Self {
        let header = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best: (&'static Self, f32) = (Self::neutral(), 0.0);
        for wish in header.split(',').take(MAX_WISHES) {
            let (range, parameter) = wish.split_once(';').unwrap_or((wish, ""));
            let primary = range.trim().split('-').next().unwrap_or_default();
            let weight = parameter.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            let spoken = LANGUAGES.into_iter().find(|texts| primary.eq_ignore_ascii_case(texts.tag));
            if let Some(texts) = spoken.filter(|_| weight > best.1) {
                best = (texts, weight);
            }
        }
        best.0
    }
}

/// Replaces `{}` with a value.
pub fn fill(text: &str, value: impl ToString) -> String {
    text.replacen("{}", &value.to_string(), 1)
}
