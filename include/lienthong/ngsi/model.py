"""What the entities are, declared once: the data model page and the published context are made from here.

The statements ``sql/publish/monitoring_centre.*.sql`` write them, and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "https://lienthong.daklak.example/ngsi#"
"""Where our names stand in linked data; an identifier, nothing is fetched from there."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its name, what it means, the column or declaration that it comes from."""

    name: str
    title: str
    origin: str
    kind: str = "Property"
    value: str = "text"
    observed: bool = False
    """Whether it carries ``observedAt``, so that the centre keeps its evolution."""
    unit: str = ""
    """``unitCode`` of UN/CEFACT Recommendation 20, where it applies."""


@dataclass(frozen=True)
class EntityType:
    """One type of entity, made of the records of one dataset."""

    name: str
    dataset: str
    title: str
    key: str
    """What stands in the identifier behind the type."""
    attributes: tuple[Attribute, ...]
    example: str
    """Identifier of an entity."""


VERSION = Attribute("version", "Phiên bản của bản ghi trong kho dữ liệu của tỉnh; lớn hơn là mới hơn", "_version",
                    value="integer")  # fmt: skip

TYPES = (
    EntityType(
        "Unit", "don_vi", "Đơn vị", "mã định danh điện tử",
        (
            Attribute("unit", "Mã định danh điện tử của đơn vị", "ma_don_vi"),
            Attribute("name", "Tên đơn vị", "ten_don_vi"),
            Attribute("category", "Loại: PROVINCE, PROVINCIAL_DEPARTMENT hoặc COMMUNE_PEOPLE_COMMITTEE", "loai"),
            Attribute("administrativeCode", "Mã đơn vị hành chính cấp xã; chỉ có ở xã, phường", "ma_xa"),
            Attribute("validFrom", "Ngày đầu tiên mã có hiệu lực", "hieu_luc_tu", value="date"),
            Attribute("validUntil", "Ngày đầu tiên mã hết hiệu lực", "hieu_luc_den", value="date"),
            VERSION,
        ),
        "urn:ngsi-ld:Unit:H15.102",
    ),
    EntityType(
        "IndicatorValue", "chi_so", "Giá trị của một chỉ số, một đơn vị, một kỳ",
        "mã chỉ số, mã đơn vị, kỳ, ngày đầu kỳ",
        (
            Attribute("indicator", "Mã chỉ số", "ma_chi_so"),
            Attribute("name", "Tên chỉ số", "marts.declared"),
            Attribute("definition", "Cách tính chỉ số", "marts.declared"),
            Attribute("denominatorName", "Mẫu số là gì; có ở chỉ số là thương của hai số", "marts.declared"),
            Attribute("refUnit", "Đơn vị; H15-XA là tổng các xã, phường, H15-SO là tổng các cơ quan cấp tỉnh",
                      "ma_don_vi", "Relationship"),
            Attribute("period", "Kỳ: month, quarter hoặc year", "ky"),
            Attribute("periodStart", "Ngày đầu kỳ", "bat_dau", value="date"),
            Attribute("value", "Giá trị; tỷ lệ viết theo phần trăm, 98.87 là 98,87 %; không có khi bị che", "gia_tri",
                      value="number", observed=True, unit="P1, C62, DAY, E20"),
            Attribute("numerator", "Tử số", "tu_so", value="number", observed=True),
            Attribute("denominator", "Mẫu số", "mau_so", value="number", observed=True),
            Attribute("level", "Màu theo ngưỡng của chỉ số: green, yellow hoặc red; không có ở chỉ số không đặt ngưỡng",
                      "marts.declared", observed=True),
            Attribute("unitOfMeasure", "Đơn vị tính, bằng chữ", "don_vi_tinh"),
            Attribute("computedAt", "Lúc giá trị này được biết lần đầu (UTC)", "tinh_luc", value="time"),
            VERSION,
        ),
        "urn:ngsi-ld:IndicatorValue:ho_so_tiep_nhan:H15.102:thang:2025-09-01",
    ),
    EntityType(
        "ServiceState", "trang_thai_dich_vu", "Tình trạng đồng bộ của một tập dữ liệu ở một đơn vị",
        "mã đơn vị, mã tập dữ liệu",
        (
            Attribute("dataset", "Mã tập dữ liệu", "ma_tap_du_lieu"),
            Attribute("refUnit", "Đơn vị có dữ liệu", "ma_don_vi", "Relationship"),
            Attribute("state", "fresh: đồng bộ; late: chậm; missing: mất kết nối", "trang_thai", observed=True),
            Attribute("newestDay", "Ngày mới nhất mà dữ liệu đã vào kho đủ", "ngay_moi_nhat", value="date",
                      observed=True),
            Attribute("heldRecords", "Số bản ghi vi phạm quy tắc, chờ đơn vị sửa", "so_dang_giu", value="integer",
                      observed=True, unit="C62"),
            Attribute("unsentRecords", "Số bản ghi mà nơi nhận chưa nhận hoặc đã từ chối", "so_chua_gui",
                      value="integer", observed=True, unit="C62"),
            Attribute("unsentSince", "Ngày của bản ghi cũ nhất chưa gửi được", "chua_gui_tu", value="date",
                      observed=True),
            VERSION,
        ),
        "urn:ngsi-ld:ServiceState:H15.102:ho_so",
    ),
)  # fmt: skip
