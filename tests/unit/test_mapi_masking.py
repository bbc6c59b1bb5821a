"""What a receiver says is kept without what it says about persons."""

import json
import unicodedata

import pytest

from lienthong.mapi import mask, personal_values, says_only_success
from lienthong.mapi.masking import HIDDEN

OWNER = "Nguyễn Thị Hồng Nhung"
CODE = "H15.102-250930-0007"
RECORD = {
    "ChuHoSo": OWNER,
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "066300912345"}],
    "DonViXuLy": "UBND xã Ea Súp",
    "Email": "nhung@vidu.invalid",
    "GhiChu": "Không",
    "MaHoSo": CODE,
    "MaDoiTuong": "tech-77",
    "NguoiXuLy": "Y Thủy Niê",
    "SoDienThoai": "0900123456",
    "TenTTHC": "Đăng ký khai sinh",
    "TrichYeuHoSo": "Khai sinh cho bé Bin",
}


def masked(text):
    return mask(text, personal_values([json.dumps(RECORD, ensure_ascii=False)]), {CODE})


@pytest.mark.parametrize(
    "said",
    [
        f"Chủ hồ sơ {OWNER} chưa xác thực",
        f"CHỦ HỒ SƠ {OWNER.upper()} CHƯA XÁC THỰC",
        unicodedata.normalize("NFD", f"Chủ hồ sơ {OWNER} chưa xác thực"),
        "Số 066300912345 không có trong CSDL dân cư",
        "Số 066 300 912 345 không có",
        "Gửi tới nhung@vidu.invalid hoặc gửi tới nguoi.khac@vidu.invalid",
        "Tài khoản tech-77 bị khóa",
        "Cán bộ Y Thủy Niê không có quyền",
        "Nội dung 'Khai sinh cho bé Bin' không hợp lệ",
        "Xem https://tep.vidu.invalid/abc?khoa=1",
        "Người khác có số 079300912345 trùng",
    ],
)
def test_personal_values_are_hidden_in_every_spelling(said):
    shown = masked(said)
    assert HIDDEN in shown
    for value in (OWNER, "066300912345", "300 912", "vidu.invalid", "tech-77", "Niê", "bé Bin", "079300912345"):
        assert value.casefold() not in unicodedata.normalize("NFC", shown).casefold()


def test_what_a_person_needs_to_mend_the_record_stays():
    said = f"Hồ sơ {CODE} không tồn tại: UBND xã Ea Súp, Đăng ký khai sinh, NgayTiepNhan phải gồm 14 chữ số"
    assert masked(said) == said


def test_a_name_inside_a_longer_word_is_not_a_name():
    assert mask("Anh và Thanh", ["Anh"]) == f"{HIDDEN} và Thanh"


def test_a_message_stays_on_one_line_and_within_bounds():
    assert mask("một\r\nhai\x1b[31m\u2028ba\x00") == "một hai [31m ba"
    assert len(mask("lỗi " * 5000)) == 1000


def test_a_dossier_code_survives_a_note_that_is_part_of_it():
    assert mask(f"{CODE}: sai", ["H15.102-250930"], {CODE}) == f"{CODE}: sai"


@pytest.mark.parametrize("key", ["1", "a", "Hồng", "0663", "nhung", "tep"])
def test_a_short_record_key_cuts_nothing_that_is_hidden_apart(key):
    said = f"Bản ghi {key}: chủ hồ sơ {OWNER}, số 0663 00912345, thư nhung@vidu.invalid, https://tep.vidu.invalid/a/1"
    shown = mask(said, [OWNER, "066300912345"], {key})
    assert shown == f"Bản ghi {key}: chủ hồ sơ {HIDDEN}, số {HIDDEN}, thư {HIDDEN}, {HIDDEN}"


def test_a_key_inside_a_word_is_no_key():
    assert mask("Lan khai sai", ["Lan khai"], {"ai", "an"}) == f"{HIDDEN} sai"
    assert mask("12345678901 sai, 123456789 sai", (), {"123456789"}) == f"{HIDDEN} sai, 123456789 sai"


def test_only_the_words_of_success_spare_the_look_into_the_records():
    assert says_only_success("Đồng bộ hồ sơ thành công.")
    assert says_only_success(unicodedata.normalize("NFD", "Cập nhật tiến độ hồ sơ thành công"))
    assert says_only_success("")
    assert not says_only_success(f"Đồng bộ hồ sơ của {OWNER} thành công")
    assert not says_only_success("Đồng bộ hồ sơ 066300912345 thành công")
