"""The words of the wardrobe: every view of a garment, any dataset's, is written in these."""

CATEGORIES = ("blouse", "outwear", "trousers", "skirt", "dress")
# Garments that not every data set has.
MORE_CATEGORIES = ("short_outwear", "vest", "sling", "vest_dress", "sling_dress")

# Parts of a garment that a person would name, cut out or describe.
PARTS = (
    "body", "sleeve", "cuff", "neckline", "collar", "lapel", "hood", "placket", "zipper", "button",
    "pocket", "belt", "buckle", "waistband", "seat", "leg", "hem", "lining", "inside", "print",
    "strap",
)  # fmt: skip

# What else a picture shows: the wearer, what carries the garment, what lies in front of it.
OTHERS = ("face", "hair", "neck", "arm", "shin", "shoe", "hanger", "stand", "thing")

# Attributes, each with its values; a garment has those that make sense for its category.
ATTRIBUTES = {
    "length": ("cropped", "waist", "hip", "thigh", "knee", "calf", "ankle"),
    "sleeve_length": ("none", "straps", "short", "elbow", "wrist"),
    "neckline": ("round", "v", "square"),
    "collar": ("none", "shirt", "lapel", "stand", "hood"),
    "opening": ("none", "buttons", "zipper", "open"),
    "silhouette": ("straight", "fitted", "a-line", "flared", "skinny", "wide"),
    "waist": ("plain", "seam", "belt"),
    "pockets": ("none", "patch", "slanted"),
    "hem": ("plain", "pleated", "stitched"),
    "pattern": ("plain", "stripes", "checks", "dots", "floral", "abstract"),
    "material": ("cotton", "denim", "knit", "corduroy", "tweed", "leather", "satin"),
}
