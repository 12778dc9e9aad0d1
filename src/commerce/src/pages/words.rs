//! The pages' words in Korean and English. Each word is a field, so a missing translation does not compile.

use axum::http::{HeaderMap, header};

use crate::web::guard::cookie;

/// The cookie that remembers a chosen language.
pub(crate) const COOKIE: &str = "language";

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Korean.
    Korean,
    /// English.
    English,
}

impl Language {
    /// The language of a request: chosen before, else the browser's, else Korean.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if let Some(chosen) = cookie(headers, COOKIE).and_then(Self::from_tag) {
            return chosen;
        }
        let wished = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("");
        wished.split(',').find_map(|tag| Self::from_tag(tag.trim().get(..2)?)).unwrap_or(Language::Korean)
    }

    /// The language of a tag.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "ko" => Some(Language::Korean),
            "en" => Some(Language::English),
            _ => None,
        }
    }

    /// Its tag.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::Korean => "ko",
            Language::English => "en",
        }
    }

    /// Its words.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Language::Korean => &KOREAN,
            Language::English => &ENGLISH,
        }
    }
}

macro_rules! words {
    ($($name:ident: $korean:literal, $english:literal;)*) => {
        /// Every word of the pages.
        pub(crate) struct Words { $(pub(crate) $name: &'static str,)* }
        static KOREAN: Words = Words { $($name: $korean,)* };
        static ENGLISH: Words = Words { $($name: $english,)* };
    };
}

words! {
    brand: "마루 라이브", "Maru Live";
    tagline: "보면서 사는 즐거움", "Watch it, love it, get it";
    skip: "본문으로 건너뛰기", "Skip to content";
    search: "검색", "Search";
    search_hint: "무엇을 찾으세요?", "What are you looking for?";
    live: "라이브", "Live";
    live_now: "지금 방송 중", "On air now";
    coming: "방송 예고", "Coming up";
    replays: "다시보기", "Replays";
    on_air: "방송 중", "LIVE";
    auctions: "경매", "Auctions";
    ending_soon: "진행 중인 경매", "Auctions in progress";
    fresh: "새로 올라온 상품", "Fresh in the shop";
    featured: "추천", "Featured";
    ad: "광고", "Ad";
    all: "전체", "All";
    ordinary: "일반 판매", "New";
    used: "중고", "Second-hand";
    direct: "직거래", "Direct deal";
    auction: "경매", "Auction";
    categories: "카테고리", "Categories";
    products: "상품", "Products";
    more: "더 보기", "Show more";
    nothing: "아직 아무것도 없어요.", "Nothing here yet.";
    nothing_found: "찾는 상품이 없어요. 다른 말로 찾아보세요.", "No match. Try other words.";
    cart: "장바구니", "Cart";
    menu: "메뉴", "Menu";
    account: "내 정보", "Account";
    log_in: "로그인", "Log in";
    log_out: "로그아웃", "Log out";
    sign_up: "회원가입", "Sign up";
    sell: "판매하기", "Sell";
    studio: "방송 스튜디오", "Studio";
    orders: "주문 내역", "Orders";
    sales: "판매 내역", "Sales";
    statement: "정산", "Statement";
    language: "English", "한국어";
    email: "이메일", "E-mail";
    password: "비밀번호", "Password";
    password_hint: "10자 이상", "At least 10 characters";
    name: "이름", "Name";
    want_to_sell: "판매자로 가입할게요", "I want to sell";
    want_to_sell_hint: "새 상품 판매와 라이브 방송을 할 수 있어요.", "Sell new goods and go live.";
    company: "회사 이름 (사업자만)", "Company name (companies only)";
    registration: "사업자등록번호", "Registration number";
    about: "소개", "About";
    no_account: "아직 회원이 아니세요?", "New here?";
    have_account: "이미 회원이세요?", "Already have an account?";
    wrong_login: "이메일이나 비밀번호가 맞지 않아요.", "The e-mail or password is not right.";
    save: "저장", "Save";
    saved: "저장했어요.", "Saved.";
    stock: "재고", "In stock";
    left: "개 남음", " left";
    sold_out: "품절", "Sold out";
    price: "가격", "Price";
    quantity: "수량", "Quantity";
    add_to_cart: "장바구니 담기", "Add to cart";
    buy_now: "바로 구매", "Buy now";
    reserve_deal: "직거래 예약", "Reserve for a meeting";
    reserve_hint: "예약하면 3일 동안 다른 사람에게 팔리지 않아요.", "Held for you for three days.";
    bid: "입찰하기", "Place bid";
    current_bid: "현재 입찰가", "Current bid";
    start_price: "시작가", "Starting price";
    least_bid: "최소 입찰가", "Minimum bid";
    bids: "입찰", "bids";
    bid_history: "입찰 기록", "Bid history";
    time_left: "남은 시간", "Time left";
    auction_over: "경매가 끝났어요", "The auction is over";
    your_bid: "내 입찰가 (원)", "Your bid (won)";
    you_lead: "지금 최고 입찰자예요", "You are the highest bidder";
    extension_hint: "마감 30초 전 입찰은 마감을 늦춰요 (최대 10분).", "Bids in the last 30 s extend the end (10 min at most).";
    wear: "상태", "Condition";
    wear_unused: "미사용", "Unused";
    wear_good: "깨끗함", "Good";
    wear_fair: "사용감 있음", "Fair";
    wear_poor: "수리 필요", "For parts";
    place: "거래 장소", "Meeting place";
    seller: "판매자", "Seller";
    description: "상품 설명", "About this product";
    reviews: "후기", "Reviews";
    no_reviews: "아직 후기가 없어요.", "No reviews yet.";
    write_review: "후기 쓰기", "Write a review";
    stars: "별점", "Stars";
    review_text: "어떠셨어요?", "How was it?";
    send: "보내기", "Send";
    edit: "상품 관리", "Manage";
    hide: "숨기기", "Hide";
    show_again: "다시 판매", "Put back on sale";
    add_stock: "재고 더하기", "Add to stock";
    new_product: "상품 올리기", "Post a product";
    form: "판매 방식", "How to sell";
    title: "제목", "Title";
    category: "카테고리", "Category";
    pictures: "사진", "Pictures";
    pictures_hint: "JPEG, PNG, WebP · 8장까지 · 한 장에 8MB까지", "JPEG, PNG or WebP, up to 8, 8 MB each";
    auction_step: "입찰 단위 (원)", "Bid step (won)";
    auction_end: "경매 마감", "Auction ends";
    post: "올리기", "Post";
    only_sellers: "일반 판매는 판매자만 할 수 있어요. 중고·직거래·경매는 누구나 가능해요.", "New goods are for sellers; anybody can sell second-hand, directly or by auction.";
    cart_empty: "장바구니가 비어 있어요.", "Your cart is empty.";
    go_shopping: "상품 둘러보기", "Browse products";
    update: "변경", "Update";
    remove: "빼기", "Remove";
    total: "합계", "Total";
    check_out: "주문하기", "Check out";
    delivery: "배송지", "Delivery";
    recipient: "받는 사람", "Recipient";
    phone: "전화번호", "Phone";
    address: "주소", "Address";
    payment: "결제", "Payment";
    test_payment: "시험용 결제입니다. 실제로 돈이 나가지 않아요.", "Test payment: no money moves.";
    pay_card: "카드로 결제", "Pay by card";
    pay_decline: "거절되는 카드 (시험)", "A card that is declined (test)";
    pay_now: "결제하기", "Pay now";
    order: "주문", "Order";
    state_pending: "결제 확인 중", "Confirming payment";
    state_paid: "결제 완료", "Paid";
    state_failed: "결제 실패", "Payment failed";
    state_expired: "시간 초과", "Expired";
    state_cancelled: "취소됨", "Cancelled";
    state_refunding: "환불 중", "Refund under way";
    state_refunded: "환불 완료", "Refunded";
    state_awaiting: "결제 대기", "Awaiting payment";
    state_meeting: "만남 대기", "Waiting to meet";
    state_done: "거래 완료", "Deal done";
    delivery_none: "발송 준비", "Preparing";
    delivery_shipped: "발송됨", "Shipped";
    delivery_received: "수령 완료", "Received";
    cancel: "주문 취소", "Cancel order";
    refund: "환불", "Refund";
    ask_refund: "환불 요청", "Ask for a refund";
    refund_asked: "구매자가 환불을 요청했어요", "The buyer asked for a refund";
    mark_shipped: "발송 처리", "Mark as shipped";
    mark_received: "수령 확인", "I received it";
    confirm_deal: "거래 완료 확인", "Confirm the hand-over";
    confirmed_you: "확인했어요. 상대방을 기다려요.", "You confirmed. Waiting for the other side.";
    pay_before: "까지 결제하지 않으면 취소돼요", " is the last moment to pay";
    sum_sales: "판매 금액", "Sales";
    sum_commission: "수수료", "Commission";
    sum_refunds: "환불", "Refunds";
    sum_ads: "광고비", "Advertising";
    sum_balance: "정산 금액", "Balance";
    entries: "거래 기록", "Entries";
    entry_sale: "판매", "Sale";
    entry_commission: "수수료", "Commission";
    entry_refund: "환불", "Refund";
    entry_commission_back: "수수료 환급", "Commission back";
    entry_advertising: "광고", "Advertising";
    book_ad: "광고하기", "Advertise";
    ad_slot: "자리", "Slot";
    ad_top: "첫 화면 상단 (하루 50,000원)", "Top of the front page (50,000 won a day)";
    ad_list: "상품 목록 (하루 20,000원)", "Product list (20,000 won a day)";
    ad_days: "일수", "Days";
    when: "시각", "When";
    what: "내용", "What";
    amount: "금액", "Amount";
    stream_key: "방송 키", "Stream key";
    stream_key_hint: "방송 프로그램(OBS 등)에 넣는 비밀번호예요. 한 번만 보여 드려요.", "The password for your encoder (OBS, …). Shown only once.";
    make_key: "새 키 만들기", "Make a new key";
    revoke_key: "키 폐기", "Revoke the key";
    key_now: "지금 쓰는 키", "Key in use";
    key_none: "아직 키가 없어요.", "There is no key yet.";
    key_copy: "지금 복사하세요. 다시 볼 수 없어요.", "Copy it now. It cannot be shown again.";
    schedule: "방송 예약", "Schedule a broadcast";
    starts_at: "시작 시각", "Starts at";
    notice: "방송 안내", "Notice";
    sold_here: "방송에서 파는 상품", "Sold in this broadcast";
    my_broadcasts: "내 방송", "My broadcasts";
    comments: "댓글", "Comments";
    no_comments: "첫 댓글을 남겨 보세요.", "Be the first to comment.";
    chat: "채팅", "Chat";
    say_something: "메시지를 입력하세요", "Say something";
    log_in_to_chat: "로그인하면 채팅할 수 있어요.", "Log in to chat.";
    viewers: "명 시청", " watching";
    quality: "화질", "Quality";
    automatic: "자동", "Auto";
    latency: "지연", "Latency";
    not_yet: "방송 전이에요", "Not on air yet";
    starts_soon: "시작할 예정이에요", " is when it starts";
    over: "방송이 끝났어요", "The broadcast is over";
    replay_soon: "다시보기를 준비하고 있어요.", "The replay is being prepared.";
    replay_on: "다시보기", "Replay";
    pinned: "지금 소개 중", "Now showing";
    pin: "소개하기", "Pin";
    call_off: "방송 취소", "Call off";
    slow_mode: "채팅 간격 (초)", "Slow mode (seconds)";
    back_home: "처음으로", "Back to the shop";
    problem: "문제가 생겼어요", "Something went wrong";
    not_found: "찾는 페이지가 없어요.", "There is no such page.";
    personal: "개인", "Personal";
    business: "사업자", "Company";
    member_since: "가입일", "Member since";
    seconds: "초", "s";
    footer: "누구나 사고파는 라이브 쇼핑", "Live shopping where anybody can sell";
    api: "API 문서", "API";
}

impl Words {
    /// A refusal's words, by the code that programs see.
    pub(crate) fn refusal(&self, code: &str, detail: &str) -> String {
        let english = std::ptr::eq(self, &ENGLISH);
        if english {
            return detail.to_owned();
        }
        let known = match code {
            "sold-out" => "재고가 부족해요.",
            "own-product" => "자기 상품은 살 수 없어요.",
            "bid-too-low" => "입찰가가 너무 낮아요. 최소 입찰가를 확인해 주세요.",
            "already-top" => "이미 최고 입찰자예요.",
            "auction-over" => "경매가 끝났어요.",
            "auction-early" => "경매가 아직 시작되지 않았어요.",
            "email-taken" => "이미 가입된 이메일이에요.",
            "already-reviewed" => "후기는 한 번만 쓸 수 있어요.",
            "wrong-state" => "지금은 할 수 없어요.",
            "cart-empty" => "장바구니가 비어 있어요.",
            "forbidden" => "권한이 없어요.",
            "not-found" => "찾는 것이 없어요.",
            "too-many" => "너무 자주 시도했어요. 잠시 뒤에 다시 해 주세요.",
            "too-large" => "파일이 너무 커요.",
            "unavailable" => "지금은 처리할 수 없어요. 잠시 뒤에 다시 해 주세요.",
            "slot-taken" => "광고 자리가 다 찼어요.",
            "not-payable" => "결제를 기다리는 주문이 아니에요.",
            "key-reused" => "이미 처리한 주문이에요.",
            "internal" => "문제가 생겼어요. 잠시 뒤에 다시 해 주세요.",
            "invalid" => return format!("입력을 확인해 주세요: {detail}"),
            _ => return detail.to_owned(),
        };
        known.to_owned()
    }
}
