//! The demo shop's people, goods and words.

use super::drawing::Shape;
use crate::catalog::{Form, Wear};
use crate::people::Role;

/// E-mail's first part, name, company, role, words about themselves. From the fourth on they are buyers.
pub(super) const PEOPLE: &[(&str, &str, Option<&str>, Role, &str)] = &[
    ("seller", "한서윤", Some("마루상회"), Role::Seller, "매일 저녁 8시, 생활이 편해지는 물건을 소개합니다."),
    ("studio", "이도현", Some("오늘의 작업실"), Role::Seller, "손으로 만든 그릇과 조명을 만들어요."),
    ("admin", "운영자", None, Role::Admin, ""),
    ("buyer", "김하늘", None, Role::Buyer, "아끼던 물건을 보내요."),
    ("jiwoo", "박지우", None, Role::Buyer, ""),
    ("minjun", "최민준", None, Role::Buyer, ""),
];

/// Something of the demo.
pub(super) struct Good {
    pub(super) seller: usize,
    pub(super) form: Form,
    pub(super) category: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) price: i64,
    /// Pieces; for an auction the hours until its end.
    pub(super) stock: i64,
    pub(super) wear: Option<Wear>,
    pub(super) place: Option<&'static str>,
    pub(super) picture: Shape,
    pub(super) hue: f32,
}

const fn good(
    (seller, form, category): (usize, Form, &'static str),
    title: &'static str,
    (price, stock): (i64, i64),
    (picture, hue): (Shape, f32),
    description: &'static str,
) -> Good {
    Good { seller, form, category, title, description, price, stock, wear: None, place: None, picture, hue }
}

const fn worn(good: Good, wear: Wear, place: Option<&'static str>) -> Good {
    Good { wear: Some(wear), place, ..good }
}

/// The demo's goods; sellers of ordinary ones are sellers.
pub(super) const GOODS: &[Good] = &[
    good(
        (0, Form::Ordinary, "living"),
        "온기 도자 머그 2개 세트",
        (32_000, 48),
        (Shape::Mug, 12.0),
        "손에 꼭 맞는 두툼한 머그입니다.\n전자레인지와 식기세척기에 쓸 수 있어요.\n\n· 용량 320ml\n· 두 개 한 상자",
    ),
    good(
        (1, Form::Ordinary, "living"),
        "달빛 무드 조명",
        (79_000, 23),
        (Shape::Lamp, 42.0),
        "밝기를 세 단계로 바꾸는 침실 조명.\n충전하면 12시간 켜져 있어요.",
    ),
    good(
        (0, Form::Ordinary, "fashion"),
        "오가닉 코튼 티셔츠",
        (28_000, 120),
        (Shape::Shirt, 205.0),
        "세탁해도 늘어나지 않는 도톰한 면 티셔츠입니다. S · M · L",
    ),
    good(
        (0, Form::Ordinary, "food"),
        "제주 감귤 3kg",
        (24_900, 200),
        (Shape::Fruit, 28.0),
        "아침에 딴 감귤을 그날 보냅니다. 껍질이 얇고 달아요.",
    ),
    good(
        (1, Form::Ordinary, "hobby"),
        "화분 키트: 초보 식물 친구",
        (19_000, 5),
        (Shape::Plant, 130.0),
        "물을 자주 잊어도 괜찮은 식물과 화분, 흙이 한 상자에 들어 있어요.",
    ),
    good(
        (0, Form::Ordinary, "digital"),
        "무선 헤드폰 고요",
        (139_000, 31),
        (Shape::Headphone, 260.0),
        "주변 소리를 줄여 주는 무선 헤드폰. 한 번 충전으로 40시간.",
    ),
    worn(
        good(
            (3, Form::Used, "digital"),
            "필름 카메라 (작동 확인)",
            (165_000, 1),
            (Shape::Camera, 355.0),
            "할아버지가 쓰시던 카메라예요. 지난달에 필름 한 통 찍어 봤고 잘 나왔습니다.",
        ),
        Wear::Good,
        None,
    ),
    worn(
        good(
            (4, Form::Used, "sports"),
            "접이식 자전거 20인치",
            (120_000, 1),
            (Shape::Bicycle, 190.0),
            "이사하면서 보냅니다. 브레이크 패드는 새것으로 바꿨어요.",
        ),
        Wear::Fair,
        None,
    ),
    worn(
        good(
            (3, Form::Direct, "living"),
            "원목 의자 직거래",
            (45_000, 1),
            (Shape::Chair, 30.0),
            "조금 긁힌 자국이 있지만 튼튼해요. 직접 보고 가져가세요.",
        ),
        Wear::Fair,
        Some("마포구 합정역 5번 출구"),
    ),
    worn(
        good(
            (5, Form::Direct, "kids"),
            "아기 장난감 한 상자",
            (15_000, 1),
            (Shape::Blocks, 330.0),
            "깨끗이 소독했습니다. 한꺼번에 가져가실 분!",
        ),
        Wear::Good,
        Some("수원시 광교중앙역"),
    ),
    good(
        (1, Form::Auction, "hobby"),
        "작가 서명이 있는 백자 달항아리",
        (150_000, 30),
        (Shape::Vase, 215.0),
        "전시에 나갔던 작품입니다. 높이 32cm, 작가 서명과 보증서가 있어요.",
    ),
    good(
        (0, Form::Auction, "digital"),
        "한정판 손목시계",
        (90_000, 5),
        (Shape::Watch, 220.0),
        "전 세계 500개 중 128번. 상자와 보증서를 함께 드립니다.",
    ),
];

/// Product, words, stars.
pub(super) const REVIEWS: &[(usize, &str, i64)] = &[
    (0, "손에 잡는 느낌이 정말 좋아요. 선물용으로 하나 더 샀어요.", 5),
    (0, "색이 사진이랑 똑같아요.", 5),
    (0, "생각보다 조금 무겁지만 예뻐요.", 4),
    (1, "침대 옆에 두었는데 분위기가 달라졌어요.", 5),
    (2, "두 번 빨았는데 그대로예요.", 4),
    (3, "방송 보고 샀는데 진짜 달아요!", 5),
    (5, "지하철에서 조용해요. 추천합니다.", 5),
];

/// Seller, title, notice, hours from now.
pub(super) const BROADCASTS: &[(usize, &str, &str, i64)] = &[
    (
        0,
        "오늘만 이 가격! 마루상회 저녁 라이브",
        "머그와 헤드폰을 직접 써 보면서 소개해요.\n방송 중에 질문하시면 바로 보여 드립니다.",
        0,
    ),
    (
        1,
        "작업실에서 만나요: 달빛 조명 만들기",
        "조명이 만들어지는 과정을 보여 드리고, 방송 중 주문하신 분께 엽서를 드려요.",
        26,
    ),
    (0, "제주 감귤 농장에서 생방송", "농장에서 바로 따서 맛봅니다. 댓글로 궁금한 점을 남겨 주세요!", 50),
    (1, "도자기 물레 체험 방송", "지난 방송을 다시 보고 작품을 살 수 있어요.", -20),
];

/// Comments on notices.
pub(super) const COMMENTS: &[&str] =
    &["기다리고 있어요!", "몇 시까지 하나요?", "지난번에 못 사서 이번엔 꼭 살 거예요."];

/// What is said in the chat; every third line is the seller's.
pub(super) const CHAT: &[&str] = &[
    "안녕하세요~ 오늘도 왔어요",
    "머그 색 하나 더 보여 주세요!",
    "네, 지금 하늘색 보여 드릴게요",
    "헤드폰 무게가 어떻게 되나요?",
    "저 방금 주문했어요",
    "240그램이에요. 하루 종일 써도 편해요!",
];
